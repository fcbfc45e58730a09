"""What a header expects: a version that does not meet it never replaces the one before, and what it feeds waits."""

from __future__ import annotations

import pytest

from lake.errors import ExpectationError, QueryError, UsageError
from tests.lake.writer import Part, numbered

ROWS = "SELECT * FROM (VALUES (1, 'a', 5), (2, 'b', NULL), (2, 'c', 5)) AS t(id, name, stars)"

UNMET = {
    "not null": ("-- not null: name, stars", 'not null: "stars" has no value in 1 of 3 rows'),
    "unique": ("-- unique: name\n-- unique: id", 'unique: 1 values of "id" stand in several rows'),
    "primary key": ("-- primary key: id", 'unique: 1 values of "id"'),
    "null in a key": ("-- primary key: stars, name", 'not null: "stars" has no value'),
    "accepted values": ("-- accepted values name: a, b", 'accepted values: "name" has another value in 1 of 3 rows'),
    "numbers as text": ("-- accepted values stars: 4", 'accepted values: "stars" has another value in 2 of 3 rows'),
}


@pytest.mark.parametrize("name", UNMET)
def test_an_expectation_that_is_not_met_is_exit_8_without_a_value(bench, name):
    header, told = UNMET[name]
    bench.write("clean/x.sql", f"{header}\n{ROWS}")
    (built,) = bench.build().values()
    (error,) = bench.errors
    assert isinstance(error, ExpectationError)
    assert (built.outcome, built.exit_code) == ("failed", 8)
    assert told in error.message
    assert error.where.endswith("x.sql")
    assert "clean.x" not in bench.catalog


MET = {
    "all of them": (
        "-- primary key: name\n-- not null: id\n-- unique: id, name\n"
        "-- accepted values stars: 5, 'x'\n-- row count change: 0%"
    ),
    "null is accepted": "-- accepted values stars: 5",
    "null is not doubled": "-- unique: stars, name",
}


@pytest.mark.parametrize("name", MET)
def test_an_expectation_that_is_met_lets_the_version_in(bench, name):
    bench.write("clean/x.sql", f"{MET[name]}\n{ROWS}")
    assert bench.outcomes() == {"clean.x": "built"}


def test_the_version_before_stands_what_it_feeds_waits_and_the_rest_is_built(bench):
    bench.write("clean/a.sql", "-- not null: x\nSELECT 1 AS x")
    bench.write("clean/b.sql", "SELECT * FROM clean.a")
    bench.write("business/c.sql", "SELECT * FROM clean.b")
    bench.write("business/d.sql", "SELECT 1 AS y")
    bench.build()
    bench.write("clean/a.sql", "-- not null: x\nSELECT NULL::INT AS x")
    bench.write("business/d.sql", "SELECT 2 AS y")
    done = bench.build()
    outcomes = {name: built.outcome for name, built in done.items()}
    assert outcomes == {"clean.a": "failed", "clean.b": "skipped", "business.c": "skipped", "business.d": "built"}
    assert bench.rows("a") == [{"x": 1}]
    assert bench.rows("c") == [{"x": 1}]
    assert not list(bench.writer.storage.list("clean/a/v00000002"))
    bench.write("clean/a.sql", "-- not null: x\nSELECT 3 AS x")
    assert set(bench.outcomes().values()) == {"built", "fresh"}
    assert bench.rows("c") == [{"x": 3}]


def test_the_number_of_rows_may_change_by_so_much(bench):
    rows = "-- row count change: 50%\nSELECT unnest(range({})) AS x"
    for count, outcome in ((10, "built"), (15, "built"), (7, "failed"), (8, "built"), (0, "failed")):
        bench.write("clean/x.sql", rows.format(count))
        assert bench.outcomes() == {"clean.x": outcome}, count
    assert len(bench.rows("x")) == 8


def test_columns_that_are_not_there_are_told_with_their_line(bench):
    bench.write("clean/x.sql", "-- description: x\n-- not null: nome\nSELECT 'a' AS name")
    bench.build()
    (error,) = bench.errors
    assert isinstance(error, UsageError)
    assert (error.where.rpartition("/")[2], error.fix, error.exit_code) == ("x.sql:2", 'did you mean "name"?', 2)


FAILING = {
    "an unknown column": ("-- description: x\n\nSELECT id,\n  nome FROM landing.orders", "nome", "x.sql:4"),
    "an unknown function": ("SELECT\n  nonsense(1)", "nonsense", "x.sql:2"),
    "a value that cannot be cast": ("SELECT name::INT AS n FROM landing.orders", "Conversion Error", "x.sql"),
    "two columns of a name": ("SELECT 1 AS a,\n2 AS A", "two columns are named", "x.sql:1"),
    "a column without a type": ("SELECT 1 AS a,\nNULL AS nothing", "which no file holds", "x.sql:2"),
    "an interval": ("SELECT INTERVAL 1 DAY AS a", "which no file holds", "x.sql:1"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_query_that_fails_is_exit_2_with_file_and_line_and_no_value(bench, name):
    text, message, where = FAILING[name]
    bench.writer.commit(Part(numbered(1, 2)))
    bench.write("clean/x.sql", text)
    bench.write("business/y.sql", "SELECT * FROM clean.x")
    done = bench.build()
    (error,) = bench.errors
    assert isinstance(error, QueryError)
    assert (done["clean.x"].outcome, done["clean.x"].exit_code) == ("failed", 2)
    assert (done["business.y"].outcome, done["clean.orders"].outcome) == ("skipped", "built")
    assert message in error.message
    assert error.where.rpartition("/")[2] == where
    assert "order 1" not in error.show()
