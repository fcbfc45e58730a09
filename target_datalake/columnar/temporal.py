"""Texts of dates and times → Arrow values, and which of them are surely what the record-by-record path reads.

Arrow's own parser takes more than ours (a date alone, hours without minutes, year 0000) and fails as a whole on one bad
text. So what it may take is narrowed first: by length and last letter where all are alike, else by a pattern.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

MOMENT: Final = pa.timestamp("us", "UTC")
_DATE: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONE: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_SHAPES: Final = {
    MOMENT: rf"\A{_DATE}[T ]{_TIME}{_ZONE}\z",
    pa.date32(): rf"\A{_DATE}\z",
    pa.time64("us"): rf"\A{_TIME}Z?\z",
}
_ANY_MONTH: Final = r"\A[0-9]{4}-[0-9]{2}-(?:[01][0-9]|2[0-8])"
"""A day that every month has."""

_FIRST: Final = pa.scalar(datetime(1, 1, 2, tzinfo=UTC), MOMENT)
_LAST: Final = pa.scalar(datetime(9999, 12, 31, tzinfo=UTC), MOMENT)
_WHOLE_SECONDS: Final = len("2026-01-31T23:59:59Z")
_MICROSECONDS: Final = len("2026-01-31T23:59:59.000000Z")


def parse_texts(texts: pa.StringArray, kind: pa.DataType) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Return the values, and which of them hold; None if all do. Where one does not, its value means nothing.

    Args:
        texts: Dates and times.
        kind: timestamp[us, UTC], date32 or time64[us].
    """
    if kind == MOMENT and _are_everyday(texts):
        try:
            return _within_years(texts.cast(MOMENT), None)
        except pa.ArrowInvalid:
            pass  # one of them is none: the pattern tells which
    sure = pc.match_substring_regex(texts, _SHAPES[kind])
    known = pc.if_else(sure, texts, pa.scalar(None, texts.type))
    try:
        return _within_years(_cast(known, kind), sure)
    except pa.ArrowInvalid:  # a February 30th
        sure = pc.and_(sure, pc.match_substring_regex(texts, _ANY_MONTH))
        return _within_years(_cast(pc.if_else(sure, texts, pa.scalar(None, texts.type)), kind), sure)


def _cast(texts: pa.StringArray, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_time(kind):
        return texts.cast(kind)
    moments = pc.binary_join_element_wise("1970-01-01T", pc.utf8_rtrim(texts, characters="Z"), "")
    return moments.cast(pa.timestamp("us")).view(kind)


def _are_everyday(texts: pa.StringArray) -> bool:
    """Say whether all have the length and end of what nearly all APIs write: with them Arrow's parser takes no less."""
    lengths = pc.binary_length(texts)
    bounds = pc.min_max(lengths)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is None:
        return True
    return bool(
        least >= _WHOLE_SECONDS and most <= _MICROSECONDS and pc.all(pc.ends_with(texts, "Z"), min_count=0).as_py()
    )


def _within_years(values: pa.Array, sure: pa.BooleanArray | None) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Leave out the years that no Python date has, and the edges where a zone leads out of the others."""
    if pa.types.is_time(values.type):
        return values, sure
    first, last = _FIRST.cast(values.type), _LAST.cast(values.type)
    bounds = pc.min_max(values)
    if not bounds["min"].is_valid or (bounds["min"].value >= first.value and bounds["max"].value <= last.value):
        return values, sure
    inside = pc.and_(pc.greater_equal(values, first), pc.less_equal(values, last))
    return values, inside if sure is None else pc.and_(sure, inside)
