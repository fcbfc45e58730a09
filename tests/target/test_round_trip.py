"""A value's source text, type by type, through the target, Parquet and the catalog: what is read says what was written.

PROPERTY_EXAMPLES=10000 draws as many values of each type.
"""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake import Catalog
from target_datalake.lake_format import check_format
from tests.places import LakePlace
from tests.target.test_rows_properties import (
    ANY_LITERALS,
    TEXT,
    array_of,
    assert_object,
    cent_literals,
    date_time_literals,
    encoded,
    integer_literals,
    nullable,
    number_literals,
    object_of,
    parse_exactly,
)
from tests.target.world import World, schema, state

VALUES = 50
"""Drawn for each lake."""

LAKES = max(2, int(os.environ.get("PROPERTY_EXAMPLES", "100")) // VALUES)

DAYS = st.dates().map(lambda day: f'"{day}"')
CLOCKS = st.times().map(lambda clock: f'"{clock.isoformat()}"')
HUGE = st.integers(-(10**38) + 1, 10**38 - 1).map(str)

INTEGER = ({"type": "integer"}, integer_literals())
DATE_TIME = ({"type": "string", "format": "date-time"}, date_time_literals())
TYPES = {
    "integer": INTEGER,
    "huge integer": ({"type": "integer", "maximum": 10**38}, HUGE),
    "number": ({"type": "number"}, number_literals()),
    "decimal": ({"type": "number", "multipleOf": 0.01}, cent_literals()),
    "string": ({"type": "string"}, TEXT.flatmap(encoded)),
    "date-time": DATE_TIME,
    "date": ({"type": "string", "format": "date"}, DAYS),
    "time": ({"type": "string", "format": "time"}, CLOCKS),
    "boolean": ({"type": "boolean"}, st.sampled_from(["true", "false"])),
    "nullable": nullable(INTEGER),
    "untyped": ({}, ANY_LITERALS),
    "object": object_of({"a": INTEGER, "b/c": nullable(DATE_TIME)}),
    "list": array_of(({"type": "number"}, number_literals())),
    "list of objects": array_of(object_of({"a": array_of(INTEGER), "é": ({}, ANY_LITERALS)})),
}


@pytest.mark.parametrize("name", TYPES)
def test_what_is_read_says_what_was_written(tmp_path_factory, name):
    declared, literals = TYPES[name]

    @settings(max_examples=LAKES, deadline=None)
    @given(st.lists(literals, min_size=VALUES, max_size=VALUES))
    def round_trip(texts):
        folder = tmp_path_factory.mktemp("lake")
        world = World(LakePlace("local", str(folder / "lake")), folder)
        check_format(world.log.storage, write=True)
        lines = (f'{{"type":"RECORD","stream":"orders","record":{{"v":{text}}}}}' for text in texts)
        document = {"type": "object", "properties": {"v": declared}}
        world.run(schema(document=document), *lines, state(1), max_rejected_fraction=1)
        table = Catalog(world.place.path)["orders"].read()
        fields = [table.schema.field("v")]
        rejected = world.rejected()
        assert table.num_rows + len(rejected) == len(texts)
        assert all(reject["reason"] == "value" for reject in rejected)  # past its column's range
        for row in table.to_pylist():
            text = texts[(row["_sdc_sequence"] & 0xFFFFFFFF) - 2]
            extra = parse_exactly(row["_sdc_extra"] or "{}")
            assert_object({"v": parse_exactly(text)}, row, fields, "", extra)
            assert not extra
        assert [reject["raw"] for reject in rejected] == [f'{{"v":{texts[reject["line"] - 2]}}}' for reject in rejected]

    round_trip()
