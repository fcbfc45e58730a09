"""The header of a dataset's file: read strictly, and explained when it cannot be."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.errors import UsageError
from lake.zones.header import _KEYS, Header, parse_header

READ = {
    "nothing": ("SELECT 1", Header()),
    "a description": ("-- description: What they say: all of it", Header(description="What they say: all of it")),
    "a description over lines": (
        "-- description: What\n--   they say\n--   of it",
        Header(description="What they say of it"),
    ),
    "names": ("-- primary key: shop_id, day", Header(primary_key=("shop_id", "day"))),
    "a name with blanks": ("-- not null: first name, b", Header(not_null=("first name", "b"))),
    "quoted names": ('-- not null: "a,b", "c:d", "e""f", g', Header(not_null=("a,b", "c:d", 'e"f', "g"))),
    "no blanks": ("--description:x\n--not null:a,b", Header(description="x", not_null=("a", "b"))),
    "two unique": ("-- unique: a, b\n-- unique: c", Header(unique=(("a", "b"), ("c",)))),
    "a column": ("-- column price: EUR: gross", Header(columns={"price": "EUR: gross"})),
    "a quoted column": ('-- column "a: b": text', Header(columns={"a: b": "text"})),
    "accepted values": (
        "-- accepted values currency: EUR, 'a, b', 'it''s', 5",
        Header(accepted=(("currency", ("EUR", "a, b", "it's", "5")),)),
    ),
    "a change": ("-- row count change: at most 50%", Header(row_change=0.5)),
    "a short change": ("-- row count change: 7.5 %", Header(row_change=0.075)),
    "an input": ("-- incremental: landing.a.b", Header(incremental="landing.a.b")),
    "a condition": ("-- delete when: a IS NOT NULL AND b = ':'", Header(delete_when="a IS NOT NULL AND b = ':'")),
    "it ends at an empty line": ("-- description: x\n\n-- nonsense", Header(description="x")),
    "it ends at SQL": ("-- description: x\nSELECT 1\n-- nonsense: y", Header(description="x")),
    "a byte order mark": ("\ufeff-- description: x", Header(description="x")),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_declared_is_read(name):
    text, expected = READ[name]
    assert parse_header(text, "a.sql", "--") == expected


def test_python_has_other_comments():
    assert parse_header("# inputs: clean.a, landing.b\nimport os", "a.py", "#").inputs == ("clean.a", "landing.b")


REFUSED = {
    "an unknown key": ("-- descripton: x", "a.sql:1", 'did you mean "description"?'),
    "an unknown key with a column": ("-- description: x\n-- colunm price: x", "a.sql:2", 'did you mean "column"?'),
    "a key of the wrong case": ("-- Primary key: id", "a.sql:1", 'did you mean "primary key"?'),
    "no key": ("-- description: x\n-- some words", "a.sql:2", "key: value"),
    "twice": ("-- primary key: a\n-- primary key: b", "a.sql:2", "leave one of them out"),
    "no text": ("-- description:", "a.sql:1", "such as: description"),
    "no name": ("-- not null:", "a.sql:1", "such as: not null"),
    "an empty name": ("-- not null: a,,b", "a.sql:1", "such as: not null"),
    "a name twice": ("-- not null: a, A", "a.sql:1", "such as: not null"),
    "an open quote": ('-- not null: "a', "a.sql:1", "such as: not null"),
    "no column": ("-- accepted values: EUR", "a.sql:1", "accepted values COLUMN"),
    "no percentage": ("-- row count change: half", "a.sql:1", "such as: row count change: at most 50%"),
    "no values": ("-- accepted values a: ,", "a.sql:1", "such as: accepted values"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_is_refused_with_file_line_and_remedy(name):
    text, where, fix = REFUSED[name]
    with pytest.raises(UsageError) as refused:
        parse_header(text, "a.sql", "--")
    assert refused.value.exit_code == 2
    assert (refused.value.where, fix in refused.value.fix) == (where, True), refused.value.fix


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        parse_header(text, "a.sql", "--")


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1), min_size=1, unique_by=str.lower
    )
)
def test_any_names_can_be_written(names):
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    assert parse_header(f"-- not null: {quoted}", "a.sql", "--").not_null == tuple(names)


def test_every_key_is_in_the_documentation():
    text = Path(__file__).parents[3].joinpath("docs", "zones.md").read_text("utf-8")
    for key in _KEYS:
        assert f"| `{key}" in text, key
