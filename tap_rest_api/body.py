"""Turns the chunks of an HTTP body into its decoded bytes: all of them, or an error."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from tap_rest_api.errors import BodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ACCEPT_ENCODING = "gzip, deflate"
MAX_BODY_BYTES = 256 * 1024 * 1024
_MAX_RATIO = 200  # JSON shrinks by 5 to 30; a bomb by a thousand
_RATIO_FREE_BYTES = 8 * 1024 * 1024
_STEP_BYTES = 1024 * 1024
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15


def decode_body(chunks: Iterable[bytes], encoding: str) -> bytes:
    """Join and decode a body.

    Args:
        chunks: The body as it came over the wire.
        encoding: The Content-Encoding header.

    Raises:
        BodyError: The compressed stream is cut or broken, the body is too large, or the encoding is unknown.
    """
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        raise BodyError(f'the answer has the encoding "{encoding}", which nobody asked for')
    return decode(chunks)


def _identity(chunks: Iterable[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        _check_size(size)
        parts.append(chunk)
    return b"".join(parts)


def _gzip(chunks: Iterable[bytes]) -> bytes:
    return _inflate(chunks, _GZIP_WINDOW)


def _deflate(chunks: Iterable[bytes]) -> bytes:
    """Decode "deflate", which is zlib by RFC 9110 and bare deflate by custom: the first byte tells."""
    joined = _identity(chunks)
    window = _ZLIB_WINDOW if joined[:1] and joined[0] & 0x0F == zlib.DEFLATED else _RAW_WINDOW
    return _inflate([joined], window)


def _inflate(chunks: Iterable[bytes], window: int) -> bytes:
    decoder = zlib.decompressobj(window)
    parts: list[bytes] = []
    received = size = 0
    for chunk in chunks:
        received += len(chunk)
        pending = chunk
        while pending:
            if decoder.eof:  # gzip allows several members, one after another (RFC 1952, 2.2)
                decoder = zlib.decompressobj(window)
            part = _step(decoder, pending)
            size += len(part)
            _check_size(size, received)
            parts.append(part)
            pending = decoder.unconsumed_tail or decoder.unused_data
    if received and not decoder.eof:
        raise BodyError("the compressed answer is cut short")
    return b"".join(parts)


def _step(decoder: zlib._Decompress, pending: bytes) -> bytes:
    try:
        return decoder.decompress(pending, _STEP_BYTES)
    except zlib.error as error:
        raise BodyError(f"the compressed answer is broken: {error}") from None


def _check_size(size: int, received: int | None = None) -> None:
    if size > MAX_BODY_BYTES:
        raise BodyError(f"the answer is larger than {MAX_BODY_BYTES >> 20} MiB")
    if received is not None and size > _RATIO_FREE_BYTES and size > received * _MAX_RATIO:
        raise BodyError(f"the answer grows more than {_MAX_RATIO} times when decompressed")


_DECODERS: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
}
