"""Turns a body in the charset that its mark or its Content-Type names into UTF-8."""

from __future__ import annotations

import codecs
import io
from contextlib import suppress
from typing import TYPE_CHECKING

from tap_rest_api.cut import cut
from tap_rest_api.errors import BodyError, RefusedError
from tap_rest_api.media import charset_of

if TYPE_CHECKING:
    from typing import BinaryIO

# The longer marks first: UTF-16's is the beginning of UTF-32's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK_BYTES = 4
# How JSON without a mark begins in a wider charset (RFC 4627, 3): where the zeros are among the first bytes.
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}


def find_charset(start: bytes, content_type: str) -> str:
    """Return the charset of a body, as Python names it: the byte order mark decides, then the header, else UTF-8.

    Raises:
        RefusedError: Nobody knows the charset.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    named = charset_of(content_type)
    if named is None:
        return _ZEROS.get(tuple(byte == 0 for byte in start[:_MARK_BYTES]), "utf-8")
    try:
        with suppress(UnicodeError):
            b"x".decode(named)
    except LookupError:
        raise RefusedError(f'the answer\'s charset "{cut(named, 40)}" is unknown') from None
    return "utf-8" if codecs.lookup(named).name in ("utf-8", "ascii") else named


def to_utf8(content: bytes, content_type: str) -> bytes:
    """Return a body in UTF-8 without a byte order mark. One that is UTF-8 already is not decoded.

    Raises:
        BodyError: It is not in the charset that it names.
        RefusedError: Nobody knows the charset.
    """
    charset = find_charset(content[:_MARK_BYTES], content_type)
    if charset == "utf-8":
        return content
    if charset == "utf-8-sig":
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode(charset).encode()
    except UnicodeError as error:
        raise BodyError(f"the answer is not {charset}: {getattr(error, 'reason', error)}") from None


def open_text(file: BinaryIO, content_type: str) -> io.TextIOWrapper:
    """Open a body as text, its line ends untouched. Raises RefusedError as `find_charset` does."""
    charset = find_charset(file.read(_MARK_BYTES), content_type)
    file.seek(0)
    return io.TextIOWrapper(file, encoding=charset, newline="")
