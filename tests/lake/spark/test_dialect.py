"""What Spark is given of a query in DuckDB's SQL: all that is proved to be the same, and nothing else."""

from __future__ import annotations

import pytest
import sqlglot

from lake.errors import QueryError
from lake.spark import dialect
from lake.spark.dialect import rename_tables, to_spark
from tests.spark.awkward import TABLE, proved, refused

VIEWS = {("", "t"): ("__table_0", TABLE.schema)}


@pytest.mark.parametrize("text", proved())
def test_what_is_proved_passes(text):
    assert "__table_0" in to_spark(text, VIEWS, "x.spark.sql")


@pytest.mark.parametrize("text", refused())
def test_what_is_not_proved_is_refused_with_a_way_out(text):
    with pytest.raises(QueryError) as refusal:
        to_spark(text, VIEWS, "zones/clean/x.spark.sql")
    assert "zones/clean/x.spark.sql" in refusal.value.show()


def test_everything_on_the_lists_is_run_on_both_engines():
    trees = [dialect._typed(text, VIEWS) for text in proved()]
    seen = {type(node) for tree in trees for node in tree.walk()}
    seen |= {type(node) for text in proved() for node in sqlglot.parse_one(text, dialect="duckdb").walk()}
    assert {kind.__name__ for kind in dialect._PROVED - seen} == set()


def test_tables_are_found_by_zone_and_stand_for_their_views():
    views = {("landing", "t"): ("__table_0", TABLE.schema), ("clean", "t"): ("__table_1", TABLE.schema)}
    text = to_spark("SELECT a.k, clean.t.u FROM landing.t a JOIN clean.t ON a.k = t.k", views, "x.spark.sql")
    assert "`__table_0` AS `a`" in text
    assert "`__table_1` AS `t`" in text
    assert "landing" not in text


def test_a_query_in_sparks_own_sql_reads_the_same_tables():
    text = rename_tables("SELECT date_format(t, 'yyyy') AS y FROM t", VIEWS, "x.spark.sql")
    assert "__table_0" in text
    assert "yyyy" in text
    with pytest.raises(QueryError, match=r"reads landing\.other"):
        rename_tables("SELECT * FROM landing.other", VIEWS, "x.spark.sql")
    with pytest.raises(QueryError, match="Spark's SQL"):
        rename_tables("SELEC 1", VIEWS, "x.spark.sql")
