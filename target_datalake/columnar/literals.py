"""Long number literals in a text → those that may say something else than their float64.

A float64 gives back every literal of fifteen digits, and of longer ones those that are its own shortest form, as
programs write them. Arrow writes that form as Python does, so most are found equal many at a time.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.decode import decode_number

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

_DIGITS: Final = bytes.maketrans(b"123456789.", b"0000000000")
_LONG_RUN: Final = b"0" * 16
"""Digits and points so many may be a number with more digits than every float64 gives back."""

_match_run: Final = re.compile(b"0+").match
_match_rest: Final = re.compile(rb"[0-9.]+(?:[eE][-+]?[0-9]+)?").match
_KEY_BYTES: Final = 128
_BEFORE_NUMBERS: Final = frozenset({b":", b",", b"[", b" ", b"\t", b"\r"})
_ends_in_exponent: Final = re.compile(rb"[0-9][eE]\+?\Z").search


def to_digits(text: bytes) -> bytes:
    """Return a text with a zero for each digit and point."""
    return text.translate(_DIGITS)


def inexact_literals(text: bytes, digits: bytes, integers: Container[bytes]) -> Iterator[int]:
    """Yield where the literals begin whose value a float64 may not hold.

    Args:
        text: Lines of JSON.
        digits: The same, see `to_digits`.
        integers: Keys whose values are always read as integers.
    """
    spans = list(_long_runs(digits))
    for (start, end), is_shortest in zip(spans, _are_shortest(text, spans), strict=True):
        if not is_shortest and not _is_exact(text, start, end, integers):
            yield start


def _long_runs(digits: bytes) -> Iterator[tuple[int, int]]:
    at = digits.find(_LONG_RUN)
    while at >= 0:
        run = _match_run(digits, at)
        end = run.end() if run else at + 1
        yield at, end
        at = digits.find(_LONG_RUN, end)


def _are_shortest(text: bytes, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Say for each run of digits and points whether it is a decimal fraction in its float64's own form."""
    runs = [b"" if text[end : end + 1] in {b"e", b"E"} else text[start:end] for start, end in spans]
    literals = pa.array(runs, pa.string())
    fractions = pc.if_else(pc.match_substring_regex(literals, r"^[0-9]+\.[0-9]+$"), literals, None)
    shortest = fractions.cast(pa.float64()).cast(pa.string())
    found: list[bool | None] = pc.equal(shortest, literals).to_pylist()
    return [is_shortest is True for is_shortest in found]


def _is_exact(text: bytes, start: int, end: int, integers: Container[bytes]) -> bool:
    """Say whether a run is no number, an integer of an integer column, or one that a float64 gives back."""
    before = text[max(0, start - _KEY_BYTES) : start].removesuffix(b"-")
    if before[-1:] not in _BEFORE_NUMBERS:
        return _ends_in_exponent(before) is None
    rest = _match_rest(text, start)
    literal = rest[0] if rest else text[start:end]
    if literal.count(b".") > 1:
        return True
    try:
        if not literal.isdigit():
            return isinstance(decode_number(literal.decode()), float)
        return _key_before(before) in integers or Decimal(repr(float(literal))) == int(literal)
    except (ValueError, OverflowError):
        return False


def _key_before(text: bytes) -> bytes | None:
    """Return the key at the end of a text; None if there is none, or its beginning cannot be told."""
    key, colon, rest = text.rpartition(b":")
    before, quote, name = key.rpartition(b'"')[0].rpartition(b'"')
    is_whole = colon and quote and not rest.strip(b" \t") and not before.endswith(b"\\")
    return name if is_whole else None
