"""Turns JSON Lines into records, each its own text, a piece of the body at a time."""

from __future__ import annotations

import codecs
import io
from contextlib import suppress
from typing import TYPE_CHECKING

from tap_rest_api.charset import find_charset
from tap_rest_api.errors import BodyError, RefusedError
from tap_rest_api.json_body import open_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

PIECE_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024 * 1024
_AROUND = b" \t\r\n\x1e"  # with the record separator of RFC 7464
_START_BYTES = 4


def read_lines(file: BinaryIO, content_type: str) -> Iterator[Sequence[bytes]]:
    """Yield a body's records, some megabytes at a time. Empty lines are none.

    Raises:
        BodyError: A line is not JSON, or not in the charset that the body names.
        RefusedError: A line is too long, or nobody knows the charset.
    """
    count = 0
    for block in _blocks(_in_utf8(file, content_type)):
        lines = block.split(b"\n")
        yield _records(lines, count)
        count += len(lines) - 1


def _in_utf8(file: BinaryIO, content_type: str) -> Callable[[int], bytes]:
    """Return what reads a body as UTF-8, in any pieces."""
    start = file.read(_START_BYTES)
    charset = find_charset(start, content_type)
    file.seek(len(codecs.BOM_UTF8) if charset == "utf-8-sig" else 0)
    if charset in ("utf-8", "utf-8-sig"):
        return file.read
    return _encoded(io.TextIOWrapper(file, encoding=charset, newline=""))


def _encoded(text: io.TextIOWrapper) -> Callable[[int], bytes]:
    def read(characters: int) -> bytes:
        try:
            return text.read(characters).encode()
        except UnicodeError as error:
            raise BodyError(f"the answer is not {text.encoding}: {error}") from None

    return read


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Cut a body at line ends."""
    rest = b""
    while block := read(PIECE_BYTES):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
        if len(rest) > MAX_LINE_BYTES:
            raise RefusedError(f"a line of the answer is longer than {MAX_LINE_BYTES >> 20} MiB")
    if rest:
        yield rest


def _records(lines: Sequence[bytes], before: int) -> Sequence[bytes]:
    """Check lines as JSON all together, and only where that fails one by one."""
    texts = [text for line in lines if (text := line.strip(_AROUND))]
    if _is_utf8(texts):
        with suppress(BodyError):
            if list(map(bytes, open_array(b"[%b]" % b",".join(texts)))) == texts:
                return texts
    for number, line in enumerate(lines, before + 1):
        text = line.strip(_AROUND)
        if text and not _is_json(text):
            raise BodyError(f"line {number} of the answer is not JSON in UTF-8")
    return texts


def _is_utf8(texts: Sequence[bytes]) -> bool:
    try:
        b"".join(texts).decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(text: bytes) -> bool:
    try:
        return _is_utf8([text]) and len(open_array(b"[%b]" % text)) == 1
    except BodyError:
        return False
