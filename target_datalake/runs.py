"""A text of whole lines → its lines as an Arrow array, without a copy; RECORD lines of one stream as a run.

Lines stay together as one piece of memory, so that nothing is done for each of them in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_datalake.lines import Fingerprint


@dataclass(frozen=True)
class Lines:
    """RECORD lines of one stream, in the order of the input.

    Attributes:
        texts: Whole messages, each with its newline.
        numbers: The input line number, from 1, of each.
        received_at_us: When they were read, in microseconds since 1970, UTC.
        fingerprint: Of one line that was too long to keep: `texts` then holds an empty one in its place.
    """

    texts: pa.BinaryArray
    numbers: pa.Int64Array
    received_at_us: int
    fingerprint: Fingerprint | None = None

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.texts)

    @property
    def first_line(self) -> int:
        """Return the number of the first; there must be one."""
        return int(self.numbers[0].as_py())

    @property
    def size(self) -> int:
        """Return their size in bytes."""
        return text_size(self.texts)


def to_run(
    lines: Sequence[bytes], first_line: int, received_at_us: int, fingerprint: Fingerprint | None = None
) -> Lines:
    """Return lines, without their newlines, that followed each other in the input as a run."""
    texts = split_lines(b"".join(line + b"\n" for line in lines))
    return Lines(texts, count_from(first_line, len(lines)), received_at_us, fingerprint)


def split_lines(text: bytes) -> pa.BinaryArray:
    """Return the lines, each with its newline, of a text that ends with one, or is empty."""
    if not text:
        return pa.array([], pa.binary())
    data = pa.py_buffer(text)
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, pa.array([0, len(text)], pa.int32()).buffers()[1], data])
    pieces = pc.split_pattern(whole, pattern=b"\n").flatten()[:-1]
    ends = pc.cumulative_sum(pc.add(pc.binary_length(pieces), pa.scalar(1, pa.int32())))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.Array.from_buffers(pa.binary(), len(ends), [None, offsets.buffers()[1], data])


def count_from(first: int, length: int) -> pa.Int64Array:
    """Return as many whole numbers that follow each other."""
    if not length:
        return pa.array([], pa.int64())
    return pc.add(pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), length)), first - 1)


def text_of(texts: pa.BinaryArray) -> pa.Buffer:
    """Return the lines as the one text that they are, without a copy."""
    start, end = _bounds(texts)
    return texts.buffers()[2].slice(start, end - start) if end > start else pa.py_buffer(b"")


def compact(texts: pa.BinaryArray) -> pa.BinaryArray:
    """Return the same lines in memory of their own, so that a few of them do not hold on to a large text."""
    start, _ = _bounds(texts)
    offsets = pc.subtract(_offsets(texts), pa.scalar(start, pa.int32()))
    data = pa.py_buffer(text_of(texts).to_pybytes())
    return pa.Array.from_buffers(pa.binary(), len(texts), [None, offsets.buffers()[1], data])


def text_size(texts: pa.BinaryArray) -> int:
    """Return the size of lines in bytes."""
    start, end = _bounds(texts)
    return end - start


def _bounds(texts: pa.BinaryArray) -> tuple[int, int]:
    """Return where lines begin and end in their buffer: it is never put together in another order than theirs."""
    if not len(texts):
        return 0, 0
    offsets = _offsets(texts)
    return offsets[0].as_py(), offsets[-1].as_py()


def _offsets(texts: pa.BinaryArray) -> pa.Int32Array:
    return pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, texts.buffers()[1]], offset=texts.offset)
