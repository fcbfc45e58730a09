"""SQL over the lake: every dataset is a table, nothing else is, and nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from lake import Catalog
from lake.errors import QueryError
from lake.query import parse_tables, run_query
from lake.sandbox import quote
from tests.lake.writer import LakeWriter, Part, numbered


@pytest.fixture
def catalog(local_lake: LakeWriter) -> Catalog:
    local_lake.commit(Part(numbered(1, 2)), Part(numbered(3), stream="shops"))
    local_lake.commit(Part(numbered(4)))
    return Catalog(local_lake.place.path)


def rows(catalog: Catalog, text: str) -> list[tuple]:
    return [tuple(row.values()) for row in run_query(catalog, text).to_pylist()]


def test_a_dataset_is_a_table_on_a_disk_and_on_s3(lake_storage):
    lake_storage.commit(Part(numbered(1, 2)))
    lake_storage.commit(Part(numbered(3)))
    catalog = Catalog(lake_storage.place.path, s3=lake_storage.place.s3)
    assert rows(catalog, "SELECT id, name FROM landing.orders WHERE id > 1 ORDER BY id") == [
        (2, "order 2"),
        (3, "order 3"),
    ]


QUERIES = {
    "a bare name": ("SELECT count(*) FROM orders", [(3,)]),
    "the full name": ('SELECT count(*) FROM landing."shop.orders"', [(3,)]),
    "two datasets": ("SELECT count(*) FROM landing.orders o, landing.shops s WHERE o.id < s.id", [(2,)]),
    "a common table": ("WITH big AS (SELECT * FROM orders WHERE id > 1) SELECT count(*) FROM big", [(2,)]),
    "a recursive one": (
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT max(i) FROM n",
        [(3,)],
    ),
    "a subquery": ("SELECT id FROM orders WHERE id = (SELECT max(id) FROM landing.orders)", [(4,)]),
    "a union": ("SELECT id FROM orders UNION ALL SELECT id FROM shops ORDER BY 1 LIMIT 1", [(1,)]),
    "no dataset": ("SELECT 1 + 1", [(2,)]),
    "a comment and a semicolon": ("-- how many\nSELECT count(*) FROM orders;", [(3,)]),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_answered(catalog, name):
    text, expected = QUERIES[name]
    assert rows(catalog, text) == expected


def test_only_the_datasets_that_are_named_are_opened():
    assert parse_tables("WITH a AS (SELECT * FROM landing.x) SELECT * FROM a JOIN clean.y USING (id)") == [
        ("landing", "x"),
        ("clean", "y"),
    ]


HOSTILE = {
    "reads a file": "SELECT * FROM read_csv('/etc/passwd')",
    "reads a file as a table": "SELECT * FROM '/etc/passwd'",
    "reads a file's text": "SELECT * FROM read_text('/etc/passwd')",
    "reads the lake's own files": "SELECT * FROM parquet_scan('**/*.parquet')",
    "lists files": "SELECT * FROM glob('/*')",
    "copies out": "COPY (SELECT 1) TO '/tmp/lake-stolen.csv'",
    "copies out of a common table": "WITH a AS (COPY (SELECT 1) TO '/tmp/lake-stolen.csv') SELECT 1",
    "attaches": "ATTACH '/tmp/lake-other.db'",
    "installs": "INSTALL httpfs",
    "loads": "LOAD httpfs",
    "opens the door": "SET enable_external_access = true",
    "two statements": "SELECT 1; SELECT 2",
    "a query and a write": "SELECT 1; DROP TABLE orders",
    "creates": "CREATE TABLE x AS SELECT 1",
    "inserts": "INSERT INTO orders VALUES (1)",
    "deletes": "DELETE FROM orders",
    "updates": "UPDATE orders SET id = 1",
    "pragma": "PRAGMA database_list",
    "calls": "CALL pragma_version()",
    "exports": "EXPORT DATABASE '/tmp/lake-stolen'",
    "nothing": "",
    "no SQL": "give me everything",
    "unbalanced": "SELECT (1",
    "another database": "SELECT * FROM other.landing.orders",
    "a Python variable": "SELECT * FROM HOSTILE",
    "nested ten thousand deep": "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_query_over_the_lake_is_refused(catalog, name, tmp_path):
    with pytest.raises(QueryError) as refused:
        run_query(catalog, HOSTILE[name])
    assert refused.value.exit_code == 2
    assert "root:" not in refused.value.show()


def test_an_unknown_dataset_is_refused_with_the_near_misses(catalog):
    with pytest.raises(QueryError) as refused:
        run_query(catalog, "SELECT * FROM landing.order")
    assert "'orders'" in refused.value.fix


def test_an_unknown_column_is_refused_with_duckdbs_own_words(catalog):
    with pytest.raises(QueryError) as refused:
        run_query(catalog, "SELECT nome FROM landing.orders")
    assert "nome" in refused.value.message


@pytest.mark.parametrize("stream", ['a"b', "a;b", "a'b", "a b", "ä", "select", "x.y", "a--b", "-- ;", "日本"])
def test_hostile_names_are_tables_like_any_other(local_lake, stream):
    schema = pa.schema([("id", pa.int64()), ('na"me', pa.string())])
    local_lake.commit(Part(numbered(1, 2), stream=stream, schema=schema))
    query = "SELECT count(*) FROM landing." + quote(stream)  # noqa: S608 - quoting is what is tested
    assert rows(Catalog(local_lake.place.path), query) == [(2,)]


def test_values_come_as_they_landed(local_lake):
    schema = pa.schema([("id", pa.int64()), ("price", pa.decimal128(38, 2)), ("at", pa.timestamp("us", "UTC"))])
    values = {"id": 2**63 - 1, "price": Decimal("19.90"), "at": datetime(2026, 1, 31, 1, 2, 3, 4, UTC)}
    local_lake.commit(Part([values], schema=schema))
    (row,) = run_query(Catalog(local_lake.place.path), 'SELECT id, price, "at" FROM orders').to_pylist()
    assert row == values


def test_two_columns_of_one_name_are_refused_rather_than_one_of_them_lost(catalog):
    with pytest.raises(QueryError) as refused:
        run_query(catalog, "SELECT a.id, b.id FROM orders a JOIN orders b USING (id)")
    assert "'id'" in refused.value.message
