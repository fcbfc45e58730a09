"""Turns JSON that msgspec refuses into slices of its own text: one lone surrogate or NaN spoils no neighbour.

Python's decoder is more tolerant, and tells where each value ends; nothing is encoded again.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import TYPE_CHECKING

from tap_rest_api.errors import BodyError

if TYPE_CHECKING:
    from collections.abc import Iterator


def _zero(_: str) -> int:
    return 0


# Numbers are skipped, not read: a million digits cost nothing.
_DECODER = json.JSONDecoder(parse_int=_zero, parse_float=_zero, parse_constant=_zero)
_SPACE = " \t\n\r"


def slice_object(raw: bytes) -> dict[str, bytes]:
    """Slice a JSON object into its values' own texts, by key; of equal keys the last one stays.

    Raises:
        BodyError: It is not JSON, is nested too deeply, or is not an object.
    """
    text = raw.decode()
    return {
        str(scanstring(text, key + 1, True)[0]): text[start:end].encode()  # noqa: FBT003 - json's own signature
        for key, start, end in _members(text, "{", "}")
    }


def slice_array(raw: bytes) -> list[bytes]:
    """Slice a JSON array into its elements' own texts. Raises as `slice_object` does."""
    text = raw.decode()
    return [text[start:end].encode() for _, start, end in _members(text, "[", "]")]


def _members(text: str, opening: str, closing: str) -> Iterator[tuple[int, int, int]]:
    """Yield where each member's key (or itself) starts, and where its value starts and ends."""
    try:
        at = _expect(text, _skip(text, 0), opening)
        if text[at : at + 1] == closing:
            _expect_end(text, at)
            return
        while True:
            key = at
            if opening == "{":
                _, at = _DECODER.raw_decode(text, _at_quote(text, at))
                at = _expect(text, _skip(text, at), ":")
            _, end = _DECODER.raw_decode(text, at)
            yield key, at, end
            at = _skip(text, end)
            if text[at : at + 1] == closing:
                _expect_end(text, at)
                return
            at = _expect(text, at, ",")
    except (ValueError, RecursionError, IndexError) as error:
        raise BodyError(f"the answer is not JSON: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) or "it is cut short"


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, wanted: str) -> int:
    if text[at : at + 1] != wanted:
        raise ValueError(f"expected {wanted} at character {at}")
    return _skip(text, at + 1)


def _expect_end(text: str, at: int) -> None:
    if _skip(text, at + 1) != len(text):
        raise ValueError(f"something follows at character {at + 1}")


def _at_quote(text: str, at: int) -> int:
    _expect(text, at, '"')
    return at
