"""Turns the bytes of a JSON body into a Body in which paths can be looked up, each value as its own text."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jmespath
import msgspec
from msgspec import Raw

from tap_rest_api.errors import BodyError, ConfigError
from tap_rest_api.slices import slice_array, slice_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    Slice = Raw | bytes

PLAIN_PATH = re.compile(r"[\w@$-]+(?:\.[\w@$-]+)*")
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_LONG_INTEGER = 1000  # Python refuses to read more than 4300 digits, since that costs their square
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body on one line. `members` are an object's values by key, each its own text; empty for an array."""

    text: bytes
    members: Mapping[str, Slice]

    def slice_at(self, path: str) -> Slice | None:
        """Return the own text of what stands at an exact top-level key, else at a plain dotted path."""
        if path in self.members:
            return self.members[path]
        if not PLAIN_PATH.fullmatch(path):
            return None
        found: Slice | None = None
        members = self.members
        for key in path.split("."):
            found = members.get(key)
            members = open_object(found) if found is not None and opens(found, b"{") else {}
        return found

    def find(self, path: str) -> Any:
        """Look a path up: exact key, plain path, else JMESPath; None where it is absent. Numbers stay exact."""
        found = self.slice_at(path)
        if found is not None:
            return decode_exact(found)
        return None if PLAIN_PATH.fullmatch(path) else search(path, decode_exact(self.text))


def check_text(content: bytes) -> bytes:
    """Return a body's text without byte order mark and outer space, once it looks like JSON in UTF-8.

    Raises:
        BodyError: It is empty, neither object nor array, or not UTF-8.
    """
    text = content.removeprefix(codecs.BOM_UTF8).strip()
    if text[:1] not in (b"{", b"["):
        raise BodyError("the answer is not JSON" if text else "the answer is empty")
    if not text.isascii():
        _check_utf8(text)
    return text


def _check_utf8(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BodyError(f"the answer is not UTF-8 at byte {error.start}") from None


def parse_body(text: bytes) -> Body:
    """Open a checked text.

    Raises:
        BodyError: It is not JSON.
    """
    opened = _open(text)
    if b"\n" in text or b"\r" in text:  # in JSON, and that it is has just been seen, they stand between tokens
        text = text.translate(_LINE_BREAKS)
        opened = _open(text)
    return Body(text, opened if isinstance(opened, Mapping) else {})


def _open(text: bytes) -> Mapping[str, Slice] | Sequence[Slice]:
    return open_object(text) if text[:1] == b"{" else open_array(text)


def opens(value: Slice, bracket: bytes) -> bool:
    """Tell what kind of value a slice is by its first byte."""
    return bytes(memoryview(value)[:1]) == bracket


def open_object(value: Slice) -> Mapping[str, Slice]:
    """Slice an object into its values' own texts, by key. Raises BodyError where it is not one."""
    try:
        return _OBJECT.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return slice_object(bytes(value))


def open_array(value: Slice) -> Sequence[Slice]:
    """Slice an array into its elements' own texts. Raises BodyError where it is not one."""
    try:
        return _ARRAY.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return slice_array(bytes(value))


def decode_exact(value: Slice) -> Any:
    """Decode JSON with every number exact: integers of any size, decimals as Decimal.

    Raises:
        BodyError: It holds what JSON has no word for (NaN), or is nested too deeply.
    """
    try:
        return json.loads(bytes(value), parse_float=Decimal, parse_int=exact_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BodyError(f"the answer cannot be decoded: {error}") from None


def decode_loosely(value: Slice) -> Any:
    """Decode JSON to look at it: NaN and half a surrogate pair pass, floats are Python's.

    Raises:
        BodyError: It is nested too deeply.
    """
    try:
        return json.loads(bytes(value), parse_int=exact_integer)
    except (ValueError, RecursionError) as error:
        raise BodyError(f"the answer cannot be decoded: {error}") from None


def exact_integer(digits: str) -> int | Decimal:
    """Read an integer; one of thousands of digits as a Decimal, which costs no more than its length."""
    return int(digits) if len(digits) < _LONG_INTEGER else Decimal(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def encode_exact(value: Any) -> bytes:
    """Encode what `decode_exact` gave; a Decimal is written with all its digits."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise BodyError("the answer holds half a surrogate pair, which cannot be encoded again") from None


def find_in(value: Any, path: str) -> Any:
    """Look a path up in a decoded object: exact key first, else JMESPath."""
    return value[path] if isinstance(value, dict) and path in value else search(path, value)


def search(expression: str, value: Any) -> Any:
    """Search with JMESPath.

    Raises:
        ConfigError: The expression is not one, or does not fit its values.
    """
    try:
        return jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError as error:
        raise ConfigError(f'"{expression}" is not a JMESPath: {str(error).splitlines()[0]}') from None
