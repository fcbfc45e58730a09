"""Rows with which engines may read otherwise, and every expression that both have to answer alike about them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa

TABLE = pa.table(
    {
        "k": pa.array(range(1, 13), pa.int64()),
        "i": pa.array([7, -7, 0, None, 2**40, -3, 5, 5, 2**53 + 1, -(2**53), 1, 2], pa.int64()),
        "j": pa.array([2, 2, 3, 1, 7, -2, None, 5, 3, -4, 9, 10], pa.int64()),
        "f": pa.array(
            [1.5, -2.5, 0.1, None, 1e10, 3.0, -0.0, 2.675, math.nan, math.inf, 1e300, 0.49999999999999994], pa.float64()
        ),
        "s": pa.array(
            [
                "a",
                "B%",
                "a_b",
                "",
                "Ünï\\x",
                None,
                "😀z",
                "  pad ",
                "\tİß\n",
                "e\u0301Σ",
                "\u00a0 \u3000x\u2003\t\u202f",
                "a'b\"c`",
            ],
            pa.string(),
        ),
        "u": pa.array(["x", "x", "y", None, "y", "z", "z", "x", "z", "y", None, "w"], pa.string()),
        "d": pa.array(
            [
                *(date(2024, 1, 31), date(2024, 2, 29), date(1970, 1, 1), None, date(1969, 12, 31), date(2026, 12, 31)),
                *(date(2025, 6, 1), date(2024, 2, 29), date(2, 1, 1), date(9998, 12, 30), date(1582, 10, 10)),
                date(2021, 1, 3),
            ],
            pa.date32(),
        ),
        "t": pa.array(
            [
                datetime(2024, 1, 31, 23, 59, 59, 999999, UTC),
                datetime(2024, 2, 29, 12, 0, 0, 1, UTC),
                datetime(1969, 12, 31, 23, 59, 59, 5, UTC),
                None,
                datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
                datetime(2025, 12, 29, tzinfo=UTC),
                datetime(2020, 6, 15, 6, 7, 8, tzinfo=UTC),
                datetime(1900, 1, 1, tzinfo=UTC),
                datetime(2, 1, 2, tzinfo=UTC),
                datetime(9998, 12, 29, tzinfo=UTC),
                datetime(1582, 10, 10, 11, 12, 13, 14, UTC),
                datetime(2021, 1, 3, 23, 0, tzinfo=UTC),
            ],
            pa.timestamp("us", "UTC"),
        ),
        "b": pa.array([True, False, None, True, False, True, False, True, None, True, False, True]),
        "m": pa.array(
            [
                *(Decimal("1.50"), Decimal("-2.25"), Decimal("0.01"), None, Decimal("99999.99"), Decimal("3.00")),
                *(Decimal("7.77"), Decimal("1.50"), Decimal("-0.01"), Decimal("12345.90"), Decimal("0.00")),
                Decimal("2.50"),
            ],
            pa.decimal128(18, 2),
        ),
        "o": pa.array([{"n": 1, "p": {"q": "deep"}}, None] * 6),
    }
)

VALUES = """
    i + j;  i - j;  i * 3;  i / nullif(j, 0);  i // 2;  i // j;  i % j;  -i
    f + 1;  f / 2;  f * f;  m + 1;  m * m;  m * 2;  m / 2;  m / 3;  m - f;  i + f;  i * 0.1;  0.1 + 0.2;  1e3
    i = j;  i <> j;  i < f;  i <= j;  m = f;  f > 2;  f = f;  s = 'a';  s > 'A';  s >= u;  i * 1.0 / nullif(j, 0)
    s || u;  s || 'x\\ny';  s || '\\\\';  'it''s' || s;  s LIKE 'a%';  s LIKE '%😀_';  s NOT LIKE '%a%'
    s LIKE 'a$_b' ESCAPE '$';  i IS NULL;  i IS NOT NULL;  i IS DISTINCT FROM j;  i IS NOT DISTINCT FROM j
    b AND i > 0;  b OR i > 0;  NOT b;  b IS TRUE;  b IS NOT TRUE;  i IN (5, 7);  i NOT IN (5, NULL);  i BETWEEN 0 AND 5
    CASE WHEN i > 0 THEN 'p' WHEN i < 0 THEN 'n' END;  CASE u WHEN 'x' THEN 1 ELSE 2 END;  if(b, 1, 2)
    coalesce(i, j, 0);  ifnull(i, 0);  nullif(i, 5);  greatest(i, j);  least(i, j);  abs(i);  abs(f);  abs(m);  sign(i)
    round(f);  round(f, 1);  round(f, 2);  round(m, 1);  round(m);  round(i / 3, 3)
    length(s);  trim(s);  replace(s, 'a', 'zz');  substr(s, 2);  substring(s, 1, 1);  substr(s, 2, 0)
    contains(s, 'a');  starts_with(s, 'a');  ends_with(s, 'b');  strpos(s, 'b');  position('b' IN s);  instr(s, '')
    md5(s);  sha256(s);  concat(s, u);  concat_ws('-', s, u);  o.n;  o.p.q
    CAST(i AS DOUBLE);  CAST(i AS VARCHAR);  CAST(j AS INTEGER);  CAST(j AS SMALLINT);  CAST(j AS DECIMAL(10, 2))
    CAST(m AS DOUBLE);  CAST(m AS DECIMAL(18, 1));  CAST(m AS VARCHAR);  CAST(b AS INTEGER);  CAST(b AS VARCHAR)
    CAST(d AS VARCHAR);  CAST(t AS DATE);  CAST(d AS TIMESTAMP);  CAST(d AS TIMESTAMPTZ);  CAST(NULL AS VARCHAR)
    CAST('2024-02-29' AS DATE);  CAST('2024-02-29 01:02:03.5' AS TIMESTAMP)
    CAST('2024-02-29T01:02:03Z' AS TIMESTAMPTZ);  DATE '2024-01-01';  TIMESTAMP '2024-01-01 00:00:00'
    d > DATE '2024-01-01';  t >= TIMESTAMP '2024-01-01';  t >= '2024-01-01'
    t >= TIMESTAMPTZ '2024-01-01 00:00:00+00';  t + INTERVAL 1 HOUR;  t - INTERVAL 3 DAY;  t + INTERVAL 1 MONTH
    t + INTERVAL 90 SECOND;  t - INTERVAL 2 WEEK;  t + INTERVAL 5 MINUTE;  d + INTERVAL 1 DAY;  d + INTERVAL 1 MONTH
    d > DATE '2024-06-01' - INTERVAL 1 YEAR
    date_trunc('month', d);  date_trunc('week', d);  date_trunc('day', t);  date_trunc('hour', t)
    date_trunc('week', t);  date_trunc('quarter', t);  date_trunc('year', t);  date_trunc('minute', t)
    date_trunc('second', t);  date_trunc('month', t);  year(d);  month(d);  day(d);  quarter(d);  dayofyear(d);  year(t)
    hour(t);  minute(t);  second(t);  last_day(d);  extract(year FROM t);  extract(month FROM d);  extract(day FROM t)
    extract(hour FROM t);  extract(minute FROM t);  extract(second FROM t);  extract(quarter FROM d)
"""

QUERIES = """
SELECT u, count(*) AS n, count(i) AS c, count(DISTINCT i) AS d, count_if(b) AS b FROM t GROUP BY u ORDER BY u
SELECT u, sum(i) AS i, sum(m) AS m, sum(f) AS f FROM t WHERE k < 9 GROUP BY u ORDER BY u
SELECT u, avg(i) AS i, avg(m) AS m, avg(f) AS f FROM t WHERE k < 9 GROUP BY u ORDER BY u
SELECT u, min(s) AS s, max(s) AS z, min(t) AS t, max(d) AS d, min(f) AS f, max(f) AS g FROM t GROUP BY u ORDER BY u
SELECT u, bool_and(b) AS a, bool_or(b) AS o FROM t GROUP BY u ORDER BY u
SELECT u, sum(i) FILTER (WHERE b) AS r FROM t GROUP BY u HAVING count(*) > 1 ORDER BY u
SELECT u, count(*) AS r FROM t GROUP BY ALL ORDER BY ALL
SELECT u, b, count(*) AS r FROM t GROUP BY 1, 2 ORDER BY 1, 2
SELECT u, b, sum(j) AS r FROM t GROUP BY ROLLUP (u, b) ORDER BY 1, 2, 3
SELECT u, b, sum(j) AS r FROM t GROUP BY CUBE (u, b) ORDER BY 1, 2, 3
SELECT u, b, sum(j) AS r FROM t GROUP BY GROUPING SETS ((u), (b)) ORDER BY 1, 2, 3
SELECT sum(i) AS r, count(*) AS n FROM t WHERE false
SELECT k, i FROM t ORDER BY i DESC, k
SELECT k, f FROM t ORDER BY f, k
SELECT k, f FROM t ORDER BY f DESC, k
SELECT k, s FROM t ORDER BY s, k
SELECT k, i FROM t ORDER BY k LIMIT 3 OFFSET 2
SELECT DISTINCT u FROM t ORDER BY u
SELECT k, row_number() OVER (PARTITION BY u ORDER BY i, k) AS r FROM t ORDER BY k
SELECT k, rank() OVER (ORDER BY i) AS r, dense_rank() OVER (ORDER BY j DESC) AS d FROM t ORDER BY k
SELECT k, lag(i) OVER (ORDER BY k) AS g, lead(i, 2, 0) OVER (ORDER BY k) AS d FROM t ORDER BY k
SELECT k, sum(j) OVER (PARTITION BY u ORDER BY k) AS r FROM t ORDER BY k
SELECT k, first_value(s) OVER (PARTITION BY u ORDER BY k) AS r FROM t ORDER BY k
SELECT k, last_value(s) OVER (PARTITION BY u ORDER BY k) AS r FROM t ORDER BY k
SELECT k, ntile(3) OVER (ORDER BY k) AS r, percent_rank() OVER (ORDER BY k) AS p FROM t ORDER BY k
SELECT k, avg(j) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM t ORDER BY k
SELECT k, i AS r FROM t QUALIFY row_number() OVER (PARTITION BY u ORDER BY k DESC) = 1 ORDER BY k
SELECT * EXCLUDE (f, o) FROM t ORDER BY k
SELECT * REPLACE (j + 1 AS j) FROM t ORDER BY k
WITH a AS (SELECT u, max(k) AS k FROM t GROUP BY u) SELECT t.k, a.u AS r FROM t JOIN a ON t.k = a.k ORDER BY t.k
SELECT a.k, b.s AS r FROM t a LEFT JOIN t b ON a.k = b.j ORDER BY a.k, b.k
SELECT a.k, b.k AS r FROM t a FULL JOIN t b ON a.k = b.j ORDER BY 1, 2
SELECT k, s AS r FROM t a JOIN t b USING (k, s) ORDER BY k
SELECT k FROM t a SEMI JOIN t b ON a.k = b.j ORDER BY k
SELECT k FROM t a ANTI JOIN t b ON a.k = b.j ORDER BY k
SELECT a.k, b.k AS r FROM t a, t b WHERE a.k = b.j ORDER BY 1, 2
SELECT k FROM t WHERE k IN (SELECT j FROM t) ORDER BY k
SELECT k FROM t WHERE k NOT IN (SELECT j FROM t WHERE j IS NOT NULL) ORDER BY k
SELECT k FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.j = a.k) ORDER BY k
SELECT k, (SELECT max(j) FROM t) AS r FROM t ORDER BY k
SELECT k FROM t UNION ALL SELECT j FROM t ORDER BY 1
SELECT u FROM t UNION SELECT s FROM t ORDER BY 1
SELECT u FROM t EXCEPT SELECT s FROM t ORDER BY 1
SELECT u FROM t INTERSECT SELECT u FROM t WHERE k < 4 ORDER BY 1
SELECT k AS "a b", s AS "Ü`q" FROM (SELECT * FROM t) AS "x y" ORDER BY k
"""

REFUSED = """
    s ILIKE 'A%';  s LIKE 'a\\_b';  s LIKE u;  floor(f);  ceil(f);  trunc(f);  round(f, -1);  round(i, 1);  round(f, j)
    sqrt(f);  exp(f);  ln(f);  power(f, 2);  lower(s);  upper(s);  strlen(s);  ltrim(s);  trim(s, 'a');  reverse(s)
    substr(s, 0, 2);  substr(s, -2);  substr(s, j);  left(s, 1);  lpad(s, 5, '*');  split_part(s, '_', 1)
    regexp_matches(s, '^a');  regexp_replace(s, 'a', 'b');  CAST(f AS BIGINT);  CAST(f AS VARCHAR);  CAST(m AS BIGINT)
    CAST(t AS VARCHAR);  CAST(s AS BIGINT);  CAST(s AS DATE);  CAST('2024-2-9' AS DATE);  TRY_CAST(s AS BIGINT)
    week(d);  dayofweek(d);  isodow(d);  extract(dow FROM d);  extract(epoch FROM t);  epoch(t)
    date_diff('day', d, DATE '2024-03-01');  strftime(t, '%Y');  make_date(2024, 2, 1);  current_date;  now();  random()
    list_value(i);  [i];  {'y': i};  s[1];  md5_number(s);  no_such_function(s);  hash(s);  date_trunc('decade', d)
"""

REFUSED_QUERIES = """
SELECT u, list(i) AS r FROM t GROUP BY u
SELECT u, string_agg(s, ',') AS r FROM t GROUP BY u
SELECT u, arg_max(s, k) AS r FROM t GROUP BY u
SELECT u, any_value(s) AS r FROM t GROUP BY u
SELECT u, median(i) AS r FROM t GROUP BY u
SELECT u, stddev(f) AS r FROM t GROUP BY u
SELECT DISTINCT ON (u) u, k FROM t ORDER BY u, k
SELECT * FROM t TABLESAMPLE 10%
SELECT * FROM t USING SAMPLE 3
SELECT * FROM t POSITIONAL JOIN t AS b
SELECT unnest([1, 2])
SELECT * FROM range(3)
PIVOT t ON u USING sum(i)
"""


def proved() -> list[str]:
    """Return every query that both engines have to answer alike."""
    return [*(f"SELECT k, {text} AS r FROM t ORDER BY k" for text in _split(VALUES)), *_lines(QUERIES)]  # noqa: S608 - ours


def refused() -> list[str]:
    """Return queries that have to be refused for Spark."""
    return [*(f"SELECT k, {text} AS r FROM t" for text in _split(REFUSED)), *_lines(REFUSED_QUERIES)]  # noqa: S608 - ours


def _split(text: str) -> list[str]:
    return [part.strip() for line in _lines(text) for part in line.split(";  ") if part.strip()]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]
