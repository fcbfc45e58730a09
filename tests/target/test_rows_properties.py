"""Properties over generated schemas and records. PROPERTY_EXAMPLES=10000 runs the long version."""

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from target_datalake.arrow_schema import from_document, join, stream_schema, to_document
from target_datalake.errors import SchemaError
from target_datalake.json_schema import escape
from target_datalake.rows import RowParser
from target_datalake.runs import to_run
from target_datalake.widening import is_json_text

examples = settings(max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "50")), deadline=None)

FIRST_DAY = datetime.fromisoformat("0001-01-03")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(["a", "b", "A", "é", "a/b", "x~y", "", "_sdc_extra", "na\u0000me", "a.b", "record"])


def encoded(value):
    return st.booleans().map(lambda ascii_only: json.dumps(value, ensure_ascii=ascii_only))


def digits(most):
    return st.text("0123456789", min_size=1, max_size=most)


@st.composite
def integer_literals(draw):
    number = draw(st.integers(-(2**63), 2**63 - 1))
    return draw(st.sampled_from([str(number), f"{number}.0", f"{number}.000", f"{number}e0", f"{number}E+0"]))


@st.composite
def number_literals(draw):
    whole = draw(st.integers(-(10**22), 10**22))
    point = draw(st.one_of(st.just(""), digits(22).map(lambda text: f".{text}")))
    return f"{whole}{point}{draw(st.sampled_from(['', '', 'e5', 'E-7', 'e+200', 'e-300', 'e-330']))}"


@st.composite
def cent_literals(draw):
    point = draw(st.sampled_from(["", ".5", ".07", ".990", ".00"]))
    return f"{draw(st.integers(-(10**35), 10**35))}{point}"


@st.composite
def date_time_literals(draw):
    moment = draw(st.datetimes(FIRST_DAY, FIRST_DAY + timedelta(days=3_652_000)))
    fraction = draw(st.one_of(st.just(""), digits(9).map(lambda text: f".{text}")))
    zone = draw(st.sampled_from(["Z", "z", "", "+02:00", "-0930", "+14"]))
    return f'"{moment.date()}{draw(st.sampled_from("Tt "))}{moment:%H:%M:%S}{fraction}{zone}"'


def object_literals(members, undeclared):
    """Texts of objects: each member there or not, in any order, with keys that nobody declared."""
    declared = [value.map(lambda text, name=name: (name, text)) for name, value in members.items()]
    optional = [st.one_of(st.none(), member) for member in declared]
    return (
        st.tuples(st.tuples(*optional), undeclared)
        .flatmap(
            lambda drawn: st.permutations([m for m in drawn[0] if m] + [m for m in drawn[1] if m[0] not in members])
        )
        .map(lambda pairs: "{" + ", ".join(f"{json.dumps(name)} : {text}" for name, text in pairs) + "}")
    )


ANY_LITERALS = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "1e400"]), number_literals(), TEXT.flatmap(encoded)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{' ,'.join(items)}]"),
        st.lists(st.tuples(NAMES, inner), max_size=2, unique_by=lambda pair: pair[0]).map(
            lambda pairs: "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in pairs) + "}"
        ),
    ),
    max_leaves=4,
)
UNDECLARED = st.lists(st.tuples(NAMES, ANY_LITERALS), max_size=2, unique_by=lambda pair: pair[0])


def record_literals(members):
    return object_literals(members, UNDECLARED)


def nullable(pair):
    schema, literals = pair
    kinds = schema.get("type")
    return (
        ({**schema, "type": [kinds, "null"]}, st.one_of(st.just("null"), literals)) if isinstance(kinds, str) else pair
    )


def object_of(properties):
    schema = {"type": "object", "properties": {name: schema for name, (schema, _) in properties.items()}}
    return schema, record_literals({name: literals for name, (_, literals) in properties.items()})


def array_of(items):
    return {"type": "array", "items": items[0]}, st.lists(items[1], max_size=3).map(
        lambda texts: f"[{', '.join(texts)}]"
    )


SCALARS = st.sampled_from(
    [
        ({"type": "integer"}, integer_literals()),
        ({"type": "number"}, number_literals()),
        ({"type": "number", "multipleOf": 0.01}, cent_literals()),
        ({"type": "string"}, TEXT.flatmap(encoded)),
        ({"type": "string", "format": "date-time"}, date_time_literals()),
        ({"type": "boolean"}, st.sampled_from(["true", "false"])),
        ({"type": "object"}, record_literals({})),
        ({}, ANY_LITERALS),
        ({"type": ["string", "number"]}, st.one_of(TEXT.flatmap(encoded), number_literals())),
    ]
)
TYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(nullable), inner.map(array_of), st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(object_of)
    ),
    max_leaves=5,
)
STREAMS = st.dictionaries(NAMES, TYPES, max_size=4).map(object_of)


def parse_exactly(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def message(record):
    return f'{{"type":"RECORD","stream":"s","record":{record}}}'.encode()


def parse(schema, records, cuts=()):
    parser = RowParser(stream_schema("s", schema, ()))
    lines = [message(record) for record in records]
    bounds = [0, *sorted(cuts), len(lines)]
    runs = [to_run(lines[start:end], start + 1, 0) for start, end in itertools.pairwise(bounds)]
    return parser, runs


def moment_of(text):
    """Read a date-time with means of its own: whole numbers, and no parser of the code under test."""
    day, clock = text[:10], text[11:]
    clock, _, fraction = clock[:8], clock[8:9], clock[8:]
    kept = fraction.lstrip(".")
    micros = 0
    if fraction.startswith("."):
        length = len(kept) - len(kept.lstrip("0123456789"))
        micros, kept = int(kept[:length].ljust(6, "0")[:6]), kept[length:]
    sign = -1 if kept.startswith("-") else 1
    zone = kept.strip("Zz+-").replace(":", "").ljust(4, "0")
    base = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return base + timedelta(microseconds=micros) - sign * timedelta(hours=int(zone[:2]), minutes=int(zone[2:]))


def assert_same(source, column, field, pointer, extra):
    """A landed value says what its source says, by itself or with its literal in `_sdc_extra`."""
    if source is None or column is None:
        assert source is None
        assert column is None
    elif is_json_text(field):
        assert parse_exactly(column) == source
    elif pa.types.is_struct(field.type):
        assert_object(source, column, list(field.type), pointer, extra)
    elif pa.types.is_list(field.type):
        assert len(source) == len(column)
        for index, (item, value) in enumerate(zip(source, column, strict=True)):
            assert_same(item, value, field.type.value_field, f"{pointer}/{index}", extra)
    elif pa.types.is_timestamp(field.type):
        assert column == moment_of(source)
        assert extra.pop(pointer, source) == source
    elif pa.types.is_date(field.type) or pa.types.is_time(field.type):
        assert column.isoformat() == source
    elif pa.types.is_floating(field.type):
        assert column == float(source)
        exact = Decimal(repr(column)) == source
        assert extra.pop(pointer, None) == (None if exact else source)
    else:
        assert column == source
        assert isinstance(column, bool) == isinstance(source, bool)


def assert_object(source, row, fields, pointer, extra):
    columns = {field.name: field for field in fields}
    for name, value in source.items():
        here = f"{pointer}/{escape(name)}"
        if name in columns:
            assert_same(value, row[name], columns[name], here, extra)
        elif value is not None:
            assert extra.pop(here) == value
    for name in columns.keys() - source.keys():
        assert row[name] is None


@examples
@given(st.data())
def test_every_valid_record_lands_with_all_it_says(data):
    schema, literals = data.draw(STREAMS)
    records = data.draw(st.lists(literals, min_size=1, max_size=5))
    parser, runs = parse(schema, records)
    parsed = parser.parse(runs, commit=1, batched_at_us=0)
    rejected = {reject.line: reject for reject in parsed.rejects}
    rows = iter(parsed.batch.to_pylist())
    fields = list(stream_schema("s", schema, ()).arrow)
    for line, record in enumerate(records, 1):
        if line in rejected:  # only a number past its column's range can do this
            assert rejected[line].reason == "value"
            assert rejected[line].raw == record.encode()
            continue
        row = next(rows)
        extra = parse_exactly(row["_sdc_extra"] or "{}")
        assert_object(parse_exactly(record), row, fields, "", extra)
        assert not extra
    assert next(rows, None) is None


@examples
@given(st.data())
def test_records_of_another_schema_land_exactly_or_are_rejected(data):
    schema, _ = data.draw(STREAMS)
    _, literals = data.draw(STREAMS)
    records = data.draw(st.lists(literals, min_size=1, max_size=5))
    parser, runs = parse(schema, records)
    parsed = parser.parse(runs, commit=1, batched_at_us=0)
    assert parsed.batch.num_rows + len(parsed.rejects) == len(records)
    assert all(reject.errors for reject in parsed.rejects)
    fields = list(stream_schema("s", schema, ()).arrow)
    for row in parsed.batch.to_pylist():
        source = parse_exactly(records[row["_sdc_sequence"] - (1 << 32) - 1])
        extra = parse_exactly(row["_sdc_extra"] or "{}")
        assert_object(source, row, fields, "", extra)
        assert not extra


KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
DRAFTS = st.sampled_from(["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"])


REFS = st.sampled_from([{"$ref": "#"}, {"$ref": "#/definitions/d"}, {"$ref": "#/definitions/e"}])
NARROWER = st.fixed_dictionaries(
    {},
    optional={
        "nullable": st.booleans(),
        "enum": st.just([None, 1, "a"]),
        "const": st.sampled_from([None, 1, "a"]),
        "format": st.sampled_from(["date-time", "date", "time", "email"]),
        "multipleOf": st.sampled_from([1, 0.1, 0.01, 0.25]),
        "maximum": st.sampled_from([2**63, 2**64, 1e30]),
    },
)


def of_kind(kind):
    return st.tuples(st.sampled_from([{"type": kind}, {"type": [kind, "null"]}]), NARROWER).map(
        lambda pair: pair[1] | pair[0]
    )


def composed(inner):
    """Schemas of every keyword that can change what a value's column is."""
    several = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("object"), "properties": members}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        *(st.fixed_dictionaries({keyword: several}) for keyword in ("anyOf", "oneOf", "allOf")),
        st.fixed_dictionaries({"if": inner, "then": inner, "type": KINDS}),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
    )


SCHEMAS = st.recursive(
    st.one_of(
        KINDS.filter(lambda kind: kind != "null").flatmap(of_kind),
        st.lists(KINDS, min_size=2, max_size=3, unique=True).map(lambda kinds: {"type": kinds}),
        REFS,
    ),
    composed,
    max_leaves=6,
)
FEW_LITERALS = st.recursive(
    st.sampled_from(["null", "true", "1", "1.0", "0.10", "1e20", '"a"', '"2026-01-31"', '"2026-01-31T00:00:00Z"']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(NAMES, inner, max_size=2).map(
            lambda members: "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"
        ),
    ),
    max_leaves=4,
)


@examples
@given(st.data())
def test_whatever_the_schema_says_what_it_lets_in_lands_exactly(data):
    schema = {
        "$schema": data.draw(DRAFTS),
        "properties": data.draw(st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=3)),
        "definitions": {"d": data.draw(SCHEMAS), "e": data.draw(SCHEMAS)},
    }
    members = st.dictionaries(NAMES, FEW_LITERALS, max_size=3)
    records = [
        "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in drawn.items()) + "}"
        for drawn in data.draw(st.lists(members, min_size=1, max_size=8))
    ]
    try:
        parser, runs = parse(schema, records)
    except SchemaError:
        return
    parsed = parser.parse(runs, commit=1, batched_at_us=0)
    assert parsed.batch.num_rows + len(parsed.rejects) == len(records)
    fields = list(stream_schema("s", schema, ()).arrow)
    for row in parsed.batch.to_pylist():
        extra = parse_exactly(row["_sdc_extra"] or "{}")
        assert_object(parse_exactly(records[row["_sdc_sequence"] - (1 << 32) - 1]), row, fields, "", extra)
        assert not extra


@examples
@given(st.data())
def test_how_lines_are_cut_into_runs_and_batches_changes_nothing(data):
    schema, literals = data.draw(STREAMS)
    records = data.draw(st.lists(st.one_of(literals, ANY_LITERALS.map('{{"a":{}}}'.format)), max_size=8))
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=4))
    parser, runs = parse(schema, records)
    whole = parser.parse(runs, commit=1, batched_at_us=0)
    parser, runs = parse(schema, records, cuts)
    at_once = parser.parse(runs, commit=1, batched_at_us=0)
    parts = [parser.parse([run], commit=1, batched_at_us=0) for run in runs]
    for rows, rejects in (
        ([at_once.batch], at_once.rejects),
        ([part.batch for part in parts], [reject for part in parts for reject in part.rejects]),
    ):
        assert pa.Table.from_batches(rows).equals(pa.Table.from_batches([whole.batch]))
        assert rejects == whole.rejects


@examples
@given(STREAMS)
def test_a_schema_survives_its_document(stream):
    schema = stream_schema("s", stream[0], ("a",))
    again = from_document(to_document(schema))
    assert again == schema
    assert again.arrow.equals(schema.arrow, check_metadata=True)
    assert to_document(again) == to_document(schema)


def joined(head, new):
    try:
        return join(head, new)
    except SchemaError:
        return None


def same_columns(first, second):
    return sorted(map(str, first.arrow)) == sorted(map(str, second.arrow))


@examples
@given(STREAMS, STREAMS)
def test_joining_twice_is_joining_once(first, second):
    head, new = stream_schema("s", first[0], ()), stream_schema("s", second[0], ())
    assert join(head, head).arrow.equals(head.arrow, check_metadata=True)
    once = joined(head, new)
    if once is not None:
        twice = join(once, new)
        assert twice.arrow.equals(once.arrow, check_metadata=True)
        assert twice.generation == once.generation
        back = join(once, head)
        assert back.arrow.equals(once.arrow, check_metadata=True)
        assert back.generation == once.generation


NUMERIC = st.dictionaries(
    st.sampled_from("abc"),
    st.sampled_from([{"type": "integer"}, {"type": "number"}, {"type": ["number", "integer", "null"]}]),
).map(lambda properties: stream_schema("s", {"type": "object", "properties": properties}, ()))


@examples
@given(NUMERIC, NUMERIC, NUMERIC)
def test_widening_numbers_commutes_and_associates(first, second, third):
    assert same_columns(join(first, second), join(second, first))
    assert join(join(first, second), third).arrow.equals(join(first, join(second, third)).arrow)


def declared(landed, new):
    """The landed fields that the new schema declares, with the landed types; of others no value may come."""
    known = {field.name: field for field in new}
    return [narrowed(field, known[field.name]) for field in landed if field.name in known]


def narrowed(landed, new):
    if is_json_text(landed):
        return landed
    if pa.types.is_struct(landed.type):
        return landed.with_type(pa.struct(declared(landed.type, new.type)))
    if pa.types.is_list(landed.type):
        return landed.with_type(pa.list_(narrowed(landed.type.value_field, new.type.value_field)))
    return landed


@examples
@given(st.data())
def test_what_lands_under_a_joined_schema_says_the_same(data):
    before, _ = data.draw(STREAMS)
    after, literals = data.draw(STREAMS)
    new = stream_schema("s", after, ())
    both = joined(stream_schema("s", before, ()), new)
    if both is None:
        return
    record = data.draw(literals)
    parsed = RowParser(both).parse([to_run([message(record)], 1, 0)], commit=1, batched_at_us=0)
    assert parsed.batch.num_rows + len(parsed.rejects) == 1
    for row in parsed.batch.to_pylist():
        extra = parse_exactly(row["_sdc_extra"] or "{}")
        assert_object(parse_exactly(record), row, declared(both.arrow, new.arrow), "", extra)
        assert not extra
