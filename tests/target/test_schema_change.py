"""Schemas change in mid-stream and between runs: readers see one schema, globs one type a prefix."""

import itertools
import json
import os
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake import Catalog
from target_datalake.errors import SchemaError
from target_datalake.lake_format import check_format
from tests.places import LakePlace
from tests.target.world import World, record, state

INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}
NEW_GENERATION = {"on_schema_change": "new_generation"}


def declare(keys: tuple[str, ...] = ("id",), **properties: dict) -> str:
    document = {"type": "object", "properties": {"id": INTEGER, **properties}}
    return json.dumps({"type": "SCHEMA", "stream": "orders", "schema": document, "key_properties": keys})


def row(number: int, text: str) -> str:
    return f'{{"type": "RECORD", "stream": "orders", "record": {{"id": {number}, "v": {text}}}}}'


@pytest.fixture
def lake(local_world) -> World:
    check_format(local_world.log.storage, write=True)
    return local_world


def read(world: World) -> pa.Table:
    return Catalog(world.place.path)["orders"].read().sort_by("_sdc_sequence")


def prefixes(world: World) -> list[str]:
    return sorted({key.split("/")[2] for key in (file.key for file in world.log.storage.list("landing/shop"))})


@pytest.mark.parametrize("runs", [1, 2], ids=["in mid-stream", "between runs"])
def test_integers_become_number_in_the_next_prefix_and_never_go_back(lake, runs):
    steps = [(INTEGER, "1"), (NUMBER, "2.5"), (INTEGER, "3"), (NUMBER, "4.5"), (INTEGER, str(2**53 + 1))]
    lines = [
        [declare(v=kind), row(number, text), state(number)] for number, (kind, text) in enumerate(steps)
    ]  # flapping back and forth
    for part in lines if runs == 2 else [list(itertools.chain(*lines))]:
        lake.run(*part)
    table = read(lake)
    assert table.column("v").to_pylist() == [1, 2.5, 3, 4.5, float(2**53)]
    assert table.column("_sdc_extra").to_pylist()[-1] == f'{{"/v":{2**53 + 1}}}'
    assert prefixes(lake) == ["orders", "orders~2"]


def test_engines_that_glob_a_prefix_see_one_type_and_the_exact_values(lake):
    lake.run(declare(v=INTEGER), row(0, "2"), row(1, str(2**53)), state(1))
    lake.run(declare(v=NUMBER), row(2, "1.5"), state(2))
    lake.run(declare(v=STRING), row(3, '"1.5"'), state(3), **NEW_GENERATION)
    expected = {"orders": [2, 2**53], "orders~2": [1.5], "orders~3": ["1.5"]}
    for prefix, values in expected.items():
        folder = f"{lake.place.path}/landing/shop/{prefix}"
        duck = duckdb.read_parquet(f"{folder}/**/*.parquet").project("v").fetchall()
        assert sorted(value for (value,) in duck) == values
        assert ds.dataset(folder, partitioning="hive").to_table().column("v").to_pylist() == values
        assert pd.read_parquet(folder)["v"].tolist() == values
        assert {type(value) for (value,) in duck} == {type(values[0])}
    table = read(lake)
    assert table.column("v").to_pylist() == ["2", str(2**53), "1.5", '"1.5"']


WIDE = 2**53 + 1


def object_of(kind: dict) -> dict:
    return {"type": "object", "properties": {"a": kind}}


def list_of(kind: dict) -> dict:
    return {"type": "array", "items": kind}


@pytest.mark.parametrize(
    ("kind", "wider", "text", "path"),
    [
        (INTEGER, NUMBER, "{}", "v"),
        (object_of(INTEGER), object_of(NUMBER), '{{"a":{}}}', "v.a"),
        (list_of(INTEGER), list_of(NUMBER), "[0,{}]", "v.list.element"),
    ],
    ids=["column", "object", "list"],
)  # fmt: skip
@pytest.mark.parametrize("when", ["landed", "covered", "waiting"])
class TestIntegersPast2To53:
    def lines(self, kind, text, when):
        yield declare(v=kind)
        yield row(0, text.format(-WIDE))
        if when != "waiting":
            yield state(1)

    def test_they_do_not_become_number(self, lake, kind, wider, text, path, when):
        before, after = list(self.lines(kind, text, when)), [declare(v=wider), row(1, text.format(0.5)), state(2)]
        if when == "landed":
            lake.run(*before)
        with pytest.raises(SchemaError, match=path) as caught:
            lake.run(*(after if when == "landed" else before + after))
        assert "new_generation" in caught.value.fix

    def test_in_a_new_generation_both_are_read_as_json_text(self, lake, kind, wider, text, path, when):
        before, after = list(self.lines(kind, text, when)), [declare(v=wider), row(1, text.format(0.5)), state(2)]
        for part in [before, after] if when == "landed" else [before + after]:
            lake.run(*part, **NEW_GENERATION)
        lake.run(declare(v=kind), row(2, text.format(7)), state(3), **NEW_GENERATION)
        found = [json.loads(value, parse_float=Decimal) for value in read(lake).column("v").to_pylist()]
        assert found == [json.loads(text.format(value)) for value in (-WIDE, 0.5, 7)]
        assert prefixes(lake) == ["orders", "orders~2"]


def test_integers_up_to_2_to_53_become_number(lake):
    lake.run(declare(v=INTEGER), row(0, str(2**53)), row(1, str(-(2**53))), state(1))
    lake.run(declare(v=NUMBER), row(2, "0.5"), state(2))
    assert read(lake).column("v").to_pylist() == [2.0**53, -(2.0**53), 0.5]


def test_a_conflict_names_the_field_and_leaves_the_lake_as_it_was(lake):
    lake.run(declare(v=INTEGER), row(0, "1"), state(1))
    with pytest.raises(SchemaError, match='field "v" has landed as int64 and now comes as string') as caught:
        lake.run(declare(v=STRING), row(1, '"x"'), state(2))
    assert caught.value.exit_code == 2
    assert lake.log.head().n == 1


def test_on_schema_change_fail_refuses_what_evolve_takes(lake):
    lake.run(declare(), record(0), state(1))
    with pytest.raises(SchemaError, match="its schema has changed: v"):
        lake.run(declare(v=STRING), record(1), state(2), on_schema_change="fail")
    lake.run(declare(v=STRING), record(1), state(2))


def test_a_new_key_is_a_fact_of_the_schema_and_changes_no_row(lake):
    lake.run(declare(), record(0), state(1))
    lake.run(declare(("id", "v"), v=STRING), row(1, '"x"'), state(2))
    assert Catalog(lake.place.path)["orders"].key_properties == ("id", "v")
    assert read(lake).column("v").to_pylist() == [None, "x"]


def test_a_field_deselected_and_selected_again_keeps_its_column(lake):
    lake.run(declare(v=STRING), row(0, '"x"'), state(1))
    lake.run(declare(), record(1), state(2))
    lake.run(declare(v=STRING), row(2, '"y"'), state(3))
    assert read(lake).column("v").to_pylist() == ["x", None, "y"]
    assert prefixes(lake) == ["orders"]


KINDS = {
    "integer": (INTEGER, st.integers(-(2**63), 2**63 - 1).map(str)),
    "number": (NUMBER, st.sampled_from(["0.5", "1e3", "19.90", "-7", "9007199254740993"])),
    "cents": ({"type": "number", "multipleOf": 0.01}, st.sampled_from(["0.5", "19.90", "12345678901234567.89"])),
    "string": (STRING, st.sampled_from(['"a"', '"1"', '""'])),
    "boolean": ({"type": "boolean"}, st.sampled_from(["true", "false"])),
    "day": ({"type": "string", "format": "date"}, st.just('"2026-01-31"')),
    "any": ({}, st.sampled_from(["1", '"a"', '{"a":[1.50]}', "[]", "null"])),
    "object": (
        {"type": "object", "properties": {"a": INTEGER}},
        st.sampled_from(['{"a":1}', '{"a":9007199254740993,"b":2}', "{}"]),
    ),
    "wider object": (
        {"type": "object", "properties": {"a": NUMBER, "c": STRING}},
        st.sampled_from(['{"a":1.5}', '{"c":"x"}']),
    ),
    "list": ({"type": "array", "items": INTEGER}, st.sampled_from(["[]", "[1,9007199254740993]"])),
}
ENDS = st.sampled_from(["", "state", "run"])
STEPS = st.lists(
    st.sampled_from(sorted(KINDS)).flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.lists(KINDS[kind][1], max_size=3), st.sampled_from(["", "state", "run"])
        )
    ),
    min_size=1,
    max_size=5,
)


def said(value, extra):
    """Return what a read value says: its exact value, with what `_sdc_extra` holds of it instead of what it lost."""
    if isinstance(value, dict):
        merged = {key: said(item, {}) for key, item in value.items() if item is not None}
        return merged | {key[3:]: item for key, item in extra.items() if key.startswith("/v/")}
    if "/v" in extra:
        return extra["/v"]
    if isinstance(value, list):
        return [said(item, {}) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def parse(text):
    return json.loads(text, parse_float=Decimal)


@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_whatever_the_schemas_every_record_is_read_as_its_source_wrote_it(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("lake")
    world = World(LakePlace("local", str(folder / "lake")), folder)
    check_format(world.log.storage, write=True)
    sources, lines = [], []
    for kind, texts, end in steps:
        lines.append(declare(v=KINDS[kind][0]))
        lines += [row(number, text) for number, text in enumerate(texts, len(sources))]
        sources += texts
        lines += [] if end == "" else [state(len(sources))]
        if end == "run":
            world.run(*lines, **NEW_GENERATION)
            lines = []
    world.run(*lines, **NEW_GENERATION)
    if not sources:
        return
    table = read(world)
    is_text = table.schema.field("v").metadata == {b"logical": b"json"}
    found = {}
    for line in table.to_pylist():
        extra = parse(line["_sdc_extra"] or "{}")
        value = parse(line["v"]) if is_text and line["v"] is not None else line["v"]
        value = value.isoformat() if hasattr(value, "isoformat") else value
        found[line["id"]] = said(value, extra)
    assert found == {number: parse(text) for number, text in enumerate(sources)}
    assert not world.rejected()
    for prefix in prefixes(world):
        keys = [file.key for file in world.log.storage.list(f"landing/shop/{prefix}")]
        types = {pa.parquet.read_schema(f"{world.place.path}/{key}").field("v").type for key in keys} if keys else set()
        assert len({str(kind) for kind in types if not pa.types.is_struct(kind)}) <= 1
