"""Files of the zones folder: which datasets they define, in which order, and what is refused before any is built."""

from __future__ import annotations

import itertools

import pytest

from lake.errors import LakeError
from lake.zones.builds import read_graph
from lake.zones.definition import read_definitions
from lake.zones.graph import select
from tests.lake.writer import Part, numbered


def refused(bench) -> LakeError:
    with pytest.raises(LakeError) as error:
        bench.build()
    assert error.value.exit_code == 2
    return error.value


def test_a_file_is_a_dataset_and_nothing_else_is(bench):
    bench.write("clean/b.sql", "SELECT 1 AS x")
    bench.write("clean/a.sql", "SELECT 1 AS x")
    bench.write("business/c.py", "# inputs: clean.a\ndef build(catalog): ...")
    for other in (
        "clean/_draft.sql",
        "clean/.hidden.sql",
        "clean/notes.txt",
        "clean/a.spark.sql",
        "d.sql",
        "gold/e.sql",
    ):
        bench.write(other, "nonsense")
    assert [each.name for each in read_definitions(bench.folder)] == ["clean.a", "clean.b", "business.c"]


def test_without_a_folder_the_defaults_are_built(bench):
    bench.writer.commit(Part(numbered(1, 2)))
    assert bench.outcomes() == {"clean.orders": "built"}


def test_a_file_takes_the_place_of_the_default(bench):
    bench.writer.commit(Part(numbered(1, 2)))
    bench.write("clean/orders.sql", "SELECT max(id) AS id FROM landing.orders")
    bench.build()
    assert bench.rows("clean.orders") == [{"id": 2}]


def test_datasets_are_built_after_what_they_read(bench):
    bench.write("clean/a.sql", "SELECT * FROM clean.z")
    bench.write("clean/m.sql", "SELECT * FROM business.b JOIN clean.a USING (x)")
    bench.write("clean/z.sql", "SELECT 1 AS x")
    bench.write("business/b.sql", "WITH z AS (SELECT * FROM clean.a) SELECT * FROM z")
    assert list(bench.build()) == ["clean.z", "clean.a", "business.b", "clean.m"]


def test_a_cycle_is_shown(bench):
    bench.write("clean/a.sql", "SELECT * FROM clean.c")
    bench.write("clean/b.sql", "SELECT * FROM clean.a")
    bench.write("clean/c.sql", "SELECT * FROM clean.b")
    error = refused(bench)
    way = error.message.partition(": ")[2].split(" reads ")
    assert way[0] == way[-1]
    assert sorted(way[1:]) == ["clean.a", "clean.b", "clean.c"]
    reads = {"clean.a": "clean.c", "clean.b": "clean.a", "clean.c": "clean.b"}
    assert all(reads[reader] == read for reader, read in itertools.pairwise(way))
    assert "a.sql" in error.where


def test_a_dataset_that_reads_itself_is_a_cycle(bench):
    bench.write("clean/a.sql", "SELECT * FROM clean.a")
    assert "clean.a reads clean.a" in refused(bench).message


READS = "SELECT * FROM landing.orders"
MISTAKES = {
    "an unknown input": ("SELECT 1\nFROM landing.oders", "no dataset 'landing.oders'", "x.sql:2", "landing.orders"),
    "no SQL": ("SELECT 1\nFROM (", "this is not SQL", "x.sql:2", "one SELECT"),
    "two statements": ("SELECT 1; SELECT 2", "expected one query", "x.sql", "one SELECT"),
    "a write": ("DELETE FROM landing.orders", "only queries", "x.sql", "one SELECT"),
    "nothing": ("", "expected one query", "x.sql", "one SELECT"),
    "another database": ("SELECT * FROM other.landing.orders", "no database", "x.sql", "zone.name"),
    "declared inputs": ("-- inputs: a\nSELECT 1", '"inputs" is for Python', "x.sql:1", "leave it out"),
    "incremental, no key": (f"-- incremental: landing.orders\n{READS}", "needs a primary key", "x.sql:1", "key: id"),
    "incremental over what is not read": (
        f"-- primary key: id\n-- incremental: landing.shops\n{READS}",
        *("does not read", "x.sql:1", "landing.orders"),
    ),
    "deleting without a key": ("-- delete when: id = 1\nSELECT 1 AS id", "needs a primary key", "x.sql:1", "WHERE"),
    "deleting by a query": (
        "-- primary key: id\n-- delete when: id IN (SELECT 1)\nSELECT 1 AS id",
        *("looks at one row", "x.sql:1", ""),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place_before_anything_is_built(bench, name):
    text, message, where, fix = MISTAKES[name]
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/a.sql", "SELECT 1 AS x")
    bench.write("clean/x.sql", text)
    error = refused(bench)
    assert message in error.message
    assert error.where.endswith(where)
    assert fix in error.fix
    assert "clean.a" not in bench.catalog


def test_names_that_only_case_tells_apart_are_refused(bench):
    bench.write("clean/orders.sql", "SELECT 1 AS x")
    bench.write("clean/Orders.sql", "SELECT 2 AS x")
    assert "two files define" in refused(bench).message


def test_sql_and_python_of_one_name_are_refused(bench):
    bench.write("clean/a.sql", "SELECT 1 AS x")
    bench.write("clean/a.py", "def build(catalog): ...")
    assert "two files define clean.a" in refused(bench).message


def test_a_file_that_is_not_utf8_is_refused(bench):
    bench.write("clean/a.sql", "").write_bytes(b"SELECT '\xff'")
    assert "not UTF-8" in refused(bench).message


def test_a_stream_that_two_sources_share_is_asked_for(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.writer.__class__(bench.writer.place, "other").commit(Part(numbered(2)))
    bench.write("clean/x.sql", "SELECT * FROM landing.orders")
    assert 'landing."other.orders"' in refused(bench).fix
    bench.write("clean/x.sql", 'SELECT id FROM landing."other.orders"')
    assert bench.outcomes() == {"clean.x": "built", "clean.other.orders": "built", "clean.shop.orders": "built"}
    assert bench.rows("clean.x") == [{"id": 2}]


BELOW_B = {"clean.b", "business.c", "business.d"}
SELECTIONS = {
    "a dataset with what it reads": (("c",), (), {"clean.a", "clean.b", "business.c"}),
    "its full name": (("clean.b",), (), {"clean.a", "clean.b"}),
    "one alone": ((), ("clean.b",), {"clean.b"}),
    "one and what reads it": ((), ("clean.b+",), BELOW_B),
    "one and what it reads": ((), ("+clean.b",), {"clean.a", "clean.b"}),
    "both": ((), ("+clean.b+",), {"clean.a", *BELOW_B}),
    "two": ((), ("clean.a", "d"), {"clean.a", "business.d"}),
    "what reads a landing stream": ((), ("landing.orders+",), {"clean.a", "clean.orders", *BELOW_B}),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_what_is_named_is_chosen(bench, name):
    names, patterns, expected = SELECTIONS[name]
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/a.sql", "SELECT id FROM landing.orders")
    bench.write("clean/b.sql", "SELECT * FROM clean.a")
    bench.write("business/c.sql", "SELECT * FROM clean.b")
    bench.write("business/d.sql", "SELECT * FROM clean.b")
    graph, known = read_graph(bench.catalog, bench.folder)
    chosen, named = select(graph, names, patterns, known)
    assert chosen == expected
    full_names = {f"{zone}{each}" for each in names for zone in ("", "clean.", "business.")}
    assert named == (expected & full_names if names else expected)


def test_full_makes_what_is_named_anew_and_nothing_else(bench):
    bench.write("clean/a.sql", "SELECT 1 AS x")
    bench.write("clean/b.sql", "SELECT * FROM clean.a")
    bench.build()
    assert bench.outcomes("b", full=True) == {"clean.a": "fresh", "clean.b": "built"}


def test_an_unknown_name_is_refused_with_the_near_misses(bench):
    bench.write("clean/orders_by_day.sql", "SELECT 1 AS x")
    bench.writer.commit(Part(numbered(1)))
    with pytest.raises(LakeError, match=r"clean\.orders_by_day") as error:
        bench.build("order_by_day")
    assert error.value.exit_code == 2
    with pytest.raises(LakeError, match="is not built"):
        bench.build("landing.orders")
