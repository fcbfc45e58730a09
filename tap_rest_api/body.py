"""Turns the chunks of an HTTP body into the parts of its decoded bytes: all of them, or an error."""

from __future__ import annotations

import zlib
from itertools import chain
from typing import TYPE_CHECKING

from tap_rest_api.cut import cut
from tap_rest_api.errors import BodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ACCEPT_ENCODING = "gzip, deflate"
_MAX_RATIO = 200  # JSON shrinks by 5 to 30; a bomb by a thousand
_RATIO_FREE_BYTES = 8 * 1024 * 1024
_STEP_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15


def decode_body(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decode a body part by part. One that is itself a gzip file is unpacked as well.

    Args:
        chunks: The body as it came over the wire.
        encoding: The Content-Encoding header.

    Raises:
        BodyError: The compressed stream is cut or broken, the body is too large, or the encoding is one that was
            not asked for, as a cache may send that did not look.
    """
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        name = cut(encoding, 40)
        raise BodyError(
            f'the answer has the encoding "{name}", which was not asked for: only {ACCEPT_ENCODING}, or none'
        )
    meter = _Meter()
    return meter.checked(_unpack(decode(meter.counted(chunks))))


class _Meter:
    """Holds what comes out of a body against what went in."""

    def __init__(self) -> None:
        self._received = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._received += len(chunk)
            yield chunk

    def checked(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for part in parts:
            size += len(part)
            if size > _RATIO_FREE_BYTES and size > self._received * _MAX_RATIO:
                raise BodyError(f"the answer grows more than {_MAX_RATIO} times when decompressed")
            yield part


def _identity(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return iter(chunks)


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return _inflate(chunks, _GZIP_WINDOW)


def _deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode "deflate", which is zlib by RFC 9110 and bare deflate by custom: the first byte tells."""
    start, chunks = _peek(chunks, 1)
    window = _ZLIB_WINDOW if start and start[0] & 0x0F == zlib.DEFLATED else _RAW_WINDOW
    return _inflate(chunks, window)


def _unpack(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack a gzip file; no text begins as one does (RFC 1952, 2.3.1)."""
    start, parts = _peek(parts, len(_GZIP_MAGIC))
    return _inflate(parts, _GZIP_WINDOW) if start == _GZIP_MAGIC else parts


def _peek(chunks: Iterable[bytes], length: int) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(chunks)
    start = b""
    while len(start) < length and (chunk := next(rest, None)) is not None:
        start += chunk
    return start[:length], chain([start] if start else [], rest)


def _inflate(chunks: Iterable[bytes], window: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(window)
    is_begun = False
    for chunk in chunks:
        is_begun = is_begun or bool(chunk)
        pending = chunk
        while pending:
            if decoder.eof:  # gzip allows several members, one after another (RFC 1952, 2.2)
                decoder = zlib.decompressobj(window)
            yield _step(decoder, pending)
            pending = decoder.unconsumed_tail or decoder.unused_data
    if is_begun and not decoder.eof:
        raise BodyError("the compressed answer is cut short")


def _step(decoder: zlib._Decompress, pending: bytes) -> bytes:
    try:
        return decoder.decompress(pending, _STEP_BYTES)
    except zlib.error as error:
        raise BodyError(f"the compressed answer is broken: {error}") from None


_DECODERS: dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
}
