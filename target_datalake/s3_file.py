"""An object becomes a file for random reading, a range of bytes at a time."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_datalake.s3_bucket import Bucket

TAIL_BYTES = 256 << 10
"""Read at once from an object's end, where Parquet keeps its footer; a small object is there as a whole."""

BLOCK_BYTES = 1 << 20
"""No later request asks for less, since a request takes as long as a megabyte does."""


@dataclass(frozen=True)
class _Block:
    start: int
    data: bytes

    def holds(self, start: int, stop: int) -> bool:
        return self.start <= start and stop <= self.start + len(self.data)

    def between(self, start: int, stop: int) -> bytes:
        return self.data[start - self.start : stop - self.start]


class ObjectFile(io.RawIOBase):
    """A read-only file over an object. Reads raise StorageError; opening one that is not there, NotFoundError."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        super().__init__()
        self._bucket, self._key = bucket, key
        tail = bucket.get(key, f"bytes=-{TAIL_BYTES}")
        self._bytes = tail.total_bytes
        self._tail = _Block(self._bytes - len(tail.data), tail.data)
        self._last = _Block(0, b"")
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position of the next read; nothing is fetched."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._bytes}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, all that are left for -1."""
        rest = max(0, self._bytes - self._position)
        stop = self._position + (rest if size is None or size < 0 else min(size, rest))
        data = self._between(self._position, stop)
        self._position = stop
        return data

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer, and return how many bytes that took."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _between(self, start: int, stop: int) -> bytes:
        for block in (self._tail, self._last):
            if start >= stop or block.holds(start, stop):
                return block.between(start, stop)
        end = min(max(stop, start + BLOCK_BYTES), self._tail.start)
        fetched = self._bucket.get(self._key, f"bytes={start}-{end - 1}").data
        self._last = _Block(start, fetched)
        if stop <= end:
            return fetched if stop == end else fetched[: stop - start]
        return fetched + self._tail.between(end, stop)
