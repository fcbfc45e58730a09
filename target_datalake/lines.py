"""Chunks of bytes become texts of whole lines; of a line too long to keep, what tells it apart.

Nothing larger than `MAX_LINE_BYTES` is ever held: of a longer line its size and digest are kept, and its first and last
bytes, in which a RECORD message names its stream.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Final

MAX_LINE_BYTES: Final = 16 << 20
"""The longest line that is read: a record of 16 MB, and its message around it."""

_EDGE_BYTES: Final = 64 << 10


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a text that is too long: its size in bytes, and its sha256 in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class LongLine:
    """A line that was too long to keep.

    Attributes:
        fingerprint: Of the whole line, without its newline.
        head: Its first bytes.
        tail: Its last bytes.
    """

    fingerprint: Fingerprint
    head: bytes
    tail: bytes


class LineSplitter:
    """Cuts chunks, none larger than the longest line, behind their newlines, and holds the line that has begun."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._long: _Gauge | None = None

    def split(self, chunk: bytes) -> list[bytes | LongLine]:
        """Return what a chunk completes, in order: texts of whole lines, newlines included, and lines too long."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._hold(chunk)
            return []
        parts: list[bytes | LongLine] = []
        first_end = chunk.index(b"\n") + 1
        if self._long is not None or self._held + first_end - 1 > MAX_LINE_BYTES:
            self._hold(chunk[: first_end - 1])
            parts.append(self.close())
        else:
            first_end = 0
        if end > first_end:
            parts.append(b"".join([*self._pieces, memoryview(chunk)[first_end:end]]))
            self._pieces, self._held = [], 0
        self._hold(chunk[end:])
        return parts

    def close(self) -> bytes | LongLine:
        """Return what stands after the last newline."""
        ended = b"".join(self._pieces) if self._long is None else self._long.line()
        self._pieces, self._held, self._long = [], 0, None
        return ended

    def _hold(self, piece: bytes) -> None:
        if self._long is None and self._held + len(piece) > MAX_LINE_BYTES:
            self._long = _Gauge()
            for held in self._pieces:
                self._long.add(held)
            self._pieces = []
        if self._long is not None:
            self._long.add(piece)
        elif piece:
            self._pieces.append(piece)
            self._held += len(piece)


class _Gauge:
    """Measures a line that is not kept."""

    def __init__(self) -> None:
        self._bytes = 0
        self._digest = hashlib.sha256()
        self._head = b""
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    def add(self, piece: bytes) -> None:
        self._bytes += len(piece)
        self._digest.update(piece)
        if len(self._head) < _EDGE_BYTES:
            self._head += piece[: _EDGE_BYTES - len(self._head)]
        self._tail.append(piece[-_EDGE_BYTES:])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= _EDGE_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def line(self) -> LongLine:
        tail = b"".join(self._tail)[-_EDGE_BYTES:]
        return LongLine(Fingerprint(self._bytes, self._digest.hexdigest()), self._head, tail)
