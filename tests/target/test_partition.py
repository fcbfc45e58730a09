"""Rows stand in the folder of their value, whatever the value is, and no two values share one."""

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake import Catalog
from target_datalake import data_files, layout, sink
from target_datalake.draft import Draft
from target_datalake.errors import ConfigError
from target_datalake.lake_format import check_format
from tests.target.world import World, record, schema, state

HOSTILE = [
    None, "", "DE", "de", "../x", "/etc", "..", ".", "a/b", "a\\b", "a=b", "%2e%2e", "%", "~", "a\0b", "CON", "_x",
    "__HIVE_DEFAULT_PARTITION__", "é", "e\u0301", "ß" * 150, "x" * 300, "x" * 299 + "y", "a b", "\n", "🍼" * 40,
]  # fmt: skip
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "country": {"type": ["string", "null"]},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "clock": {"type": "string", "format": "time"},
        "price": {"type": "number", "multipleOf": 0.01},
        "weight": {"type": "number"},
        "good": {"type": "boolean"},
        "any": {},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
TEXT = st.one_of(st.none(), st.text(max_size=200))


def by(*columns: str) -> dict:
    return {"streams": {"orders": {"partition_by": list(columns)}}}


def land(world: World, rows: list[dict], *columns: str, stream_schema: dict = SCHEMA) -> list[PurePosixPath]:
    lines = [record(number, record={"id": number, **row}) for number, row in enumerate(rows)]
    check_format(world.log.storage, write=True)
    world.run(schema(document=stream_schema), *lines, state(1), **by(*columns))
    prefix = layout.stream_prefix(world.source, "orders")
    return [PurePosixPath(file.key).relative_to(prefix) for file in world.log.storage.list(prefix)]


@given(TEXT, TEXT)
def test_no_two_values_share_a_folder(one, other):
    assert (layout.partition_folder("c", one) == layout.partition_folder("c", other)) == (one == other)


@given(TEXT, st.text(min_size=1, max_size=8))
def test_a_folder_is_one_plain_part_of_a_path(value, column):
    folder = layout.partition_folder(column, value)
    assert re.fullmatch(r"by_[A-Za-z0-9%._-]+=[A-Za-z0-9%._~-]*", folder)
    assert len(folder) < 255


def test_every_hostile_value_lands_in_a_folder_of_its_own(world):
    paths = land(world, [{"country": value} for value in HOSTILE], "country")
    assert len({path.parent for path in paths}) == len(HOSTILE)
    assert all(re.fullmatch(r"load_date=[\d-]+/by_country=[^/]*/[^/]+\.parquet", str(path)) for path in paths)
    assert world.glob().column("country").to_pylist() == HOSTILE
    table = Catalog(world.place.path, s3=world.place.s3 or None)["orders"].read()
    assert sorted(table.column("country").to_pylist(), key=str) == sorted(HOSTILE, key=str)
    assert "by_country" not in table.column_names


def test_engines_that_glob_find_every_row_once_with_its_column(local_world):
    land(local_world, [{"country": value} for value in HOSTILE], "country")
    folder = f"{local_world.place.path}/landing/shop/orders"
    expected = sorted(HOSTILE, key=str)
    found = duckdb.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    rows = found.project("country, by_country").fetchall()
    assert sorted((country for country, _ in rows), key=str) == expected
    assert {("DE", "DE"), (None, "~null"), ("../x", "../x"), ("a=b", "a=b")} <= set(rows)
    arrow = ds.dataset(folder, partitioning="hive").to_table()
    assert sorted(arrow.column("country").to_pylist(), key=str) == expected
    frame = pd.read_parquet(folder)
    assert sorted((None if pd.isna(value) else value for value in frame["country"]), key=str) == expected


@pytest.mark.parametrize(
    ("column", "values", "folders"),
    [
        ("id", [], ["by_id=0", "by_id=1"]),
        ("at", ["2026-01-31T23:59:59.999Z", "2026-01-31T23:30:00-01:00"], ["by_at=2026-01-31", "by_at=2026-02-01"]),
        ("at", ["1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"], ["by_at=1969-12-31", "by_at=1970-01-01"]),
        ("day", ["2026-01-31", "0001-01-01"], ["by_day=2026-01-31", "by_day=0001-01-01"]),
        ("clock", ["23:59:00Z", "00:00:00Z"], ["by_clock=23%3A59%3A00", "by_clock=00%3A00%3A00"]),
        ("price", [19.9, 20], ["by_price=19.90", "by_price=20.00"]),
        ("weight", [1, 0.5], ["by_weight=1.0", "by_weight=0.5"]),
        ("good", [True, False], ["by_good=true", "by_good=false"]),
        ("any", [{"a": 1}, "x"], ["by_any=%7B%22a%22%3A%201%7D", "by_any=%22x%22"]),
    ],
)
def test_a_value_of_any_type_names_its_folder(local_world, column, values, folders):
    rows = [{column: value} for value in values] or [{}, {}]
    assert {path.parts[1] for path in land(local_world, rows, column)} == set(folders)


def test_columns_nest_in_the_order_they_are_named(local_world):
    paths = land(local_world, [{"country": "DE", "good": True}, {"country": "DE"}], "country", "good")
    assert {path.parts[1:3] for path in paths} == {
        ("by_country=DE", "by_good=true"),
        ("by_country=DE", "by_good=~null"),
    }


def watched(open_data, opened: list):
    """Return `open_data` that keeps what it opens, and checks how many of those are open."""

    def open_watched(*arguments):
        assert sum(not file._writer.closed for file in opened) < data_files.MAX_OPEN_FILES
        opened.append(open_data(*arguments))
        return opened[-1]

    return open_watched


def test_few_files_are_open_at_once_and_no_row_is_lost_or_moved(local_world, monkeypatch):
    monkeypatch.setattr(data_files, "MAX_OPEN_FILES", 2)
    monkeypatch.setattr(data_files, "ROW_GROUP_BYTES", 2000)
    monkeypatch.setattr(sink, "CONVERT_BYTES", 500)
    monkeypatch.setitem(sink.StreamSink.convert.__kwdefaults__, "at_least", 500)
    opened = []
    monkeypatch.setattr(Draft, "open_data", watched(Draft.open_data, opened))
    target = local_world.start(**by("country"))
    local_world.feed(target, schema(document=SCHEMA))
    for start in range(0, 200, 20):
        numbers = range(start, start + 20)
        rows = ({"id": number, "country": "ABCDE"[number % 5]} for number in numbers)
        local_world.feed(target, *(record(0, record=row) for row in rows), state(start))
    target.finish(tap_succeeded=True)
    assert sorted(local_world.ids()) == list(range(200))
    folders = {PurePosixPath(file.key).parts[4] for file in local_world.log.head().add}
    assert folders == {f"by_country={letter}" for letter in "ABCDE"}
    assert len(opened) > 5


def test_versions_and_schemas_keep_files_of_their_own_in_each_partition(local_world):
    lines = [
        record(number, record={"id": number, "country": "AB"[number % 2]}, version=number // 2) for number in range(4)
    ]
    wider = {**SCHEMA, "properties": {**SCHEMA["properties"], "more": {"type": "string"}}}
    after = record(4, record={"id": 4, "country": "A", "more": "x"}, version=1)
    local_world.run(schema(document=SCHEMA), *lines, schema(document=wider), after, state(1), **by("country"))
    files = local_world.log.head().add
    assert sorted((file.version, file.rows) for file in files) == [(0, 1), (0, 1), (1, 1), (1, 1), (1, 1)]
    assert local_world.ids() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("column", "properties", "says", "fix"),
    [
        ("contry", {}, 'no column "contry"', 'did you mean "country"'),
        ("nothing at all", {}, "no column", "the columns are: id, country"),
        ("n" * 120, {"n" * 120: {"type": "string"}}, "too long", ""),
        ("tags", {}, "objects or arrays", "texts, numbers"),
        ("country", {"By_Country": {"type": "string"}}, 'named "by_country" itself', "another column"),
    ],
)
def test_a_column_that_names_no_folder_is_refused(local_world, column, properties, says, fix):
    document = {**SCHEMA, "properties": {**SCHEMA["properties"], **properties}}
    with pytest.raises(ConfigError, match=says) as caught:
        land(local_world, [{}], column, stream_schema=document)
    assert fix in caught.value.fix
    assert "/streams/orders/partition_by" in caught.value.where
    assert local_world.log.head() is None


def test_a_partition_that_changes_its_column_lands_beside_what_is_there(local_world):
    land(local_world, [{"country": "DE", "at": datetime(2026, 1, 31, tzinfo=UTC).isoformat()}], "country")
    paths = land(local_world, [{"country": "DE", "at": datetime(2026, 1, 31, tzinfo=UTC).isoformat()}], "at")
    assert {path.parts[1] for path in paths} == {"by_country=DE", "by_at=2026-01-31"}
    assert Catalog(local_world.place.path)["orders"].read().num_rows == 2
