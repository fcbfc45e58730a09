from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING

import pytest

from tap_rest_api.body import decode_body as decode_parts
from tap_rest_api.errors import BodyError
from tap_rest_api.spool import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TEXT = b'{"data": [' + b", ".join(b'{"id": %d}' % number for number in range(5000)) + b"]}"


def decode_body(chunks: Iterable[bytes], encoding: str) -> bytes:
    return gather(decode_parts(chunks, encoding), may_spool=False)[0]


def raw_deflate(content: bytes) -> bytes:
    return zlib.compress(content)[2:-4]


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", bytes),
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", raw_deflate),
    "two members": ("gzip", lambda content: gzip.compress(content[:999]) + gzip.compress(content[999:])),
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [1, 7, 4096, 10**6])
def test_a_body_is_decoded_however_it_is_cut_into_chunks(name: str, size: int) -> None:
    encoding, encode = ENCODERS[name]
    wire = encode(TEXT)
    chunks = (wire[at : at + size] for at in range(0, len(wire), size))
    assert decode_body(chunks, encoding) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zlib", "deflate", "two members"])
def test_a_compressed_body_that_is_cut_anywhere_is_an_error(name: str) -> None:
    """requests returns half a gzip body with status 200 and no error."""
    encoding, encode = ENCODERS[name]
    wire = encode(TEXT)
    boundary = {len(gzip.compress(TEXT[:999]))} if name == "two members" else set()
    for cut in {1, 2, 11, len(wire) // 2, len(wire) - 1} - boundary:
        with pytest.raises(BodyError):
            decode_body([wire[:cut]], encoding)


def test_a_broken_compressed_body_is_an_error() -> None:
    with pytest.raises(BodyError, match="broken"):
        decode_body([b"this is not gzip"], "gzip")


def test_a_bomb_is_stopped_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=1)
    with pytest.raises(BodyError, match="times when decompressed"):
        decode_body([bomb], "gzip")


def test_a_body_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_rest_api.spool.MAX_BODY_BYTES", 10_000)
    noise = random.Random(1).randbytes(20_000)
    for encoding, wire in (("", noise), ("gzip", gzip.compress(noise))):
        with pytest.raises(BodyError, match="larger than"):
            decode_body([wire], encoding)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "x" * 9999])
def test_an_encoding_that_was_not_asked_for_is_an_error_that_says_so(encoding: str) -> None:
    with pytest.raises(BodyError, match="not asked for: only gzip, deflate") as caught:
        decode_body([b"x"], encoding)
    assert len(caught.value.message) < 150


def test_an_empty_body_is_empty_in_every_encoding() -> None:
    assert [decode_body([], encoding) for encoding in ("", "gzip", "deflate")] == [b"", b"", b""]
