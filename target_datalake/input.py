"""A file descriptor becomes batches of whole lines, with ticks while it is quiet."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_datalake.lines import LineSplitter, LongLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK_BYTES = 8 << 20
"""What is taken at once, as far as it is there: large enough that nothing done for a chunk counts."""

_PIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Lines that arrived together: a text of whole lines, newlines included.

    An empty batch is a tick: nothing arrived for a while. In the last batch `torn` says that the input ended in the
    middle of a line, which is then left out. A line too long to keep comes in a batch of its own, as `long`.
    """

    text: bytes = b""
    torn: bool = False
    long: LongLine | None = None


def read_batches(descriptor: int, *, stop: Sequence[int] = (), tick_seconds: float = 1.0) -> Iterator[Batch]:
    """Yield what a descriptor holds until its end, or until one of the `stop` descriptors becomes readable.

    A last line without a newline counts as whole if it ends as an object does: no prefix of a JSON object is one.
    """
    _widen_pipe(descriptor)
    splitter = LineSplitter()
    while True:
        ready, _, _ = select.select([descriptor, *stop], [], [], tick_seconds)
        if any(other in ready for other in stop):
            return
        if not ready:
            yield Batch()
            continue
        chunk = _read_chunk(descriptor)
        if not chunk:
            break
        for part in splitter.split(chunk):
            yield Batch(long=part) if isinstance(part, LongLine) else Batch(part)
    last = splitter.close()
    end = last.tail if isinstance(last, LongLine) else last
    if end.strip():
        if not end.rstrip().endswith(b"}"):
            yield Batch(torn=True)
        else:
            yield Batch(long=last) if isinstance(last, LongLine) else Batch(last + b"\n")


def _read_chunk(descriptor: int) -> bytes:
    """Return what is there now; nothing at the end of the input."""
    pieces, size = [], 0
    while size < _CHUNK_BYTES:
        piece = os.read(descriptor, _CHUNK_BYTES - size)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if not select.select([descriptor], [], [], 0)[0]:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _widen_pipe(descriptor: int) -> None:
    """Let more of a page wait in the pipe, where the system allows it: fewer switches between tap and target."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
