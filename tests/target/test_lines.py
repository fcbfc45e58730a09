"""Chunks become lines however they were cut, and no line is held that is too long to keep."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_datalake import lines
from target_datalake.lines import LineSplitter, LongLine


def split(data: bytes, size: int) -> list[bytes | LongLine]:
    splitter, found = LineSplitter(), []
    for start in range(0, len(data), size):
        for part in splitter.split(data[start : start + size]):
            found += [part] if isinstance(part, LongLine) else part[:-1].split(b"\n")
    return [*found, splitter.close()]


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")), min_size=1), st.integers(1, 30))
def test_however_chunks_are_cut_the_lines_are_the_same(parts, size):
    assert split(b"\n".join(parts), size) == parts


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_line_too_long_to_keep_is_known_by_its_size_and_digest(size, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines, "_EDGE_BYTES", 8)
    long = b"a" * 5 + b"x" * 1000 + b"b" * 5
    first, before, found, after, last = split(b"\n".join([b"y" * 100, b"", long, b"short", b""]), size)
    assert (first, before, after, last) == (b"y" * 100, b"", b"short", b"")
    assert isinstance(found, LongLine)
    assert (found.fingerprint.bytes, found.fingerprint.sha256) == (len(long), hashlib.sha256(long).hexdigest())
    assert (found.head, found.tail) == (long[:8], long[-8:])
