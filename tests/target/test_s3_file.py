"""An object reads as a file does, whatever is asked for, in few requests."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_datalake.errors import NotFoundError, StorageError
from target_datalake.s3_file import BLOCK_BYTES, TAIL_BYTES
from target_datalake.stores import open_storage
from tests.places import make_s3_place

if TYPE_CHECKING:
    from target_datalake.storage import Storage


@pytest.fixture
def s3(s3_endpoint: str, s3_proxy, aws_credentials: None) -> Storage:
    place = make_s3_place(s3_endpoint).through(s3_proxy.url, max_attempts=2)
    s3_proxy.reset()
    return open_storage(place.path, s3=place.s3)


@pytest.mark.parametrize("size", [0, 1, TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, TAIL_BYTES + BLOCK_BYTES + 7])
def test_any_read_gives_the_bytes_of_the_object(s3, size):
    data = random.Random(size).randbytes(size)
    s3.put("x", data)
    draw = random.Random(size)
    with s3.open("x") as file:
        assert file.read() == data
        for _ in range(12):
            start, length = draw.randrange(size + 2), draw.randrange(size + 2)
            assert file.seek(start) == file.tell() == start
            assert file.read(length) == data[start : start + length]
        assert file.seek(-min(3, size), os.SEEK_END) == size - min(3, size)
        buffer = bytearray(5)
        assert file.readinto(buffer) == min(3, size)
        assert file.read() == b""


def test_a_small_file_takes_one_request(s3, s3_proxy):
    s3.put("x", os.urandom(1000))
    s3_proxy.reset()
    with s3.open("x") as file:
        file.seek(10)
        file.read(10)
        file.seek(0)
        file.read()
    assert len(s3_proxy.seen) == 1


def test_one_column_of_a_large_file_is_read_without_the_others(s3, s3_proxy):
    wide = pa.table({name: pa.array(os.urandom(1 << 16) for _ in range(40)) for name in "abc"})
    sink = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables([wide, wide]), sink, row_group_size=20, compression="none", use_dictionary=False)
    s3.put("x", sink.getvalue().to_pybytes())
    s3_proxy.reset()
    with s3.open("x") as file, pq.ParquetFile(file, pre_buffer=True) as parquet:
        assert parquet.read(["b"]).column("b").to_pylist() == wide.column("b").to_pylist() * 2
    asked = sum(_length(request.headers["range"]) for request in s3_proxy.seen)
    assert asked < 0.6 * len(sink.getvalue())
    assert len(s3_proxy.seen) <= 6


def test_what_is_not_there_is_not_found_when_it_is_opened(s3):
    with pytest.raises(NotFoundError):
        s3.open("x")


def test_a_reply_that_breaks_off_is_asked_for_again(s3, s3_proxy):
    data = os.urandom(TAIL_BYTES + 100)
    s3.put("x", data)
    s3_proxy.reset("cut", [0])
    assert s3.read("x") == data
    s3_proxy.reset("cut", range(9))
    with pytest.raises(StorageError) as caught:
        s3.read("x")
    assert caught.value.exit_code == 6
    assert len(s3_proxy.seen) == 2


def _length(byte_range: str) -> int:
    start, _, end = byte_range.removeprefix("bytes=").partition("-")
    return int(end) - int(start) + 1 if start else int(end)
