"""Which number literals a float64 does not hold: found, all of them, and hardly any other."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_datalake.columnar.literals import inexact_literals, to_digits
from target_datalake.decode import decode_number


def found(text: str, integers: set[bytes] = frozenset()) -> list[int]:
    encoded = text.encode()
    return list(inexact_literals(encoded, to_digits(encoded), integers))


finite = st.floats(allow_nan=False, allow_infinity=False)
near_a_float = st.builds(
    lambda value, digits, last: f"{Decimal(value):.{digits}f}".rstrip("0") + last,
    st.floats(min_value=-1e6, max_value=1e6, allow_nan=False),
    st.integers(1, 40),
    st.sampled_from(["1", "5", "9"]),
)
written = st.builds(
    lambda value, form: f"{value:{form}}", finite, st.sampled_from([".15g", ".16g", ".17g", ".20g", ".25e"])
)


@given(near_a_float | written | finite.map(repr) | st.integers(-(10**20), 10**20).map(str))
@example("0.1000000000000000055511151231257827")
@example("9007199254740993.0")
@example("-0.30000000000000004")
@example("1234567890123456.7")
@example("5e-324")
def test_every_literal_that_a_float_changes_is_found(literal):
    is_exact = isinstance(decode_number(literal), float) and Decimal(repr(float(literal))) == Decimal(literal)
    for text in (
        f'{{"v": {literal}}}\n',
        f'{{"v":{literal},"w":1}}\n',
        f'{{"v": [1, {literal}]}}\n',
        f'{{"v":\r{literal}}}\n',
    ):
        assert is_exact or found(text), text


@given(st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", bits.to_bytes(8, "little"))[0]))
def test_what_a_program_writes_of_a_float_is_not_doubted(value):
    text = repr(value)
    if text[-3:] not in {"nan", "inf"}:
        assert not found(f'{{"v": {text}}}\n')


@pytest.mark.parametrize(
    "text",
    ['{"v": "0.1000000000000000055511"}', '{"id": 12345678901234567890}', '{"at": "2024-01-01 00:00:00.000000000"}'],
)
def test_texts_and_integers_are_not_doubted(text):
    assert not found(text + "\n", {b"id"})


def test_where_a_literal_begins_is_told():
    text = '{"a": 0.1, "b": 32.38327648331624, "c": 0.1000000000000000055511}\n'
    assert found(text) == [text.index("0.1000")]
