"""Runs of RECORD lines → one text that Arrow's JSON parser reads as one row a line, or nothing if it might not.

The parser does not see lines: an object may span two of them, or two objects share one. It takes text that is not UTF-8
as well. So both are ruled out before it is asked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from target_datalake.columnar.literals import inexact_literals, to_digits
from target_datalake.runs import Lines, count_from, text_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

LONGEST_LINE: Final = 256 << 10
"""Longer lines may hold objects of more members than memory should take: they are read one by one."""

_MOST_REFUSED: Final = 20
"""No more than one line in so many is looked for by parsing what follows the one before."""

_names_row: Final = re.compile(r" in row (\d+)\Z").search


@dataclass(frozen=True)
class Chunk:
    """Lines of one stream, in the order of the input.

    Attributes:
        texts: The lines, one after the other in memory.
        numbers: The number of each in the input.
        received_at_us: When each was read.
    """

    texts: pa.BinaryArray
    numbers: pa.Int64Array
    received_at_us: pa.Int64Array

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.texts)

    @cached_property
    def buffer(self) -> pa.Buffer:
        """Return all lines as one text."""
        return text_of(self.texts)

    @cached_property
    def text(self) -> bytes:
        """Return a copy of the text, for searches in it."""
        return bytes(self.buffer.to_pybytes())

    def slice(self, start: int, length: int) -> Chunk:
        """Return lines that follow each other, without a copy."""
        arrays = (self.texts, self.numbers, self.received_at_us)
        return Chunk(*(array.slice(start, length) for array in arrays))

    def pick(self, rows: pa.Array) -> Chunk:
        """Return some of the lines."""
        return Chunk(self.texts.take(rows), self.numbers.take(rows), self.received_at_us.take(rows))

    def split(self, rows: Sequence[int]) -> tuple[Chunk, Chunk]:
        """Return some of the lines, and the others."""
        some = pa.array(rows, pa.int64())
        others = pc.indices_nonzero(pc.invert(pc.is_in(count_from(0, len(self)), some)))
        return self.pick(some), self.pick(others)

    def to_runs(self) -> list[Lines]:
        """Return the lines as runs."""
        times = pc.run_end_encode(self.received_at_us)
        runs, start = [], 0
        for end, time in zip(times.run_ends.to_pylist(), times.values.to_pylist(), strict=True):
            runs.append(Lines(self.texts.slice(start, end - start), self.numbers.slice(start, end - start), time))
            start = end
        return runs

    def is_plain(self) -> bool:
        """Say whether each line is one object, if it is JSON at all, in UTF-8 and of a usual length."""
        size = self.buffer.size
        if not self._are_objects() or pc.max(pc.binary_length(self.texts)).as_py() > LONGEST_LINE:
            return False
        if self.text.isascii():
            return True
        offsets = pa.py_buffer((0).to_bytes(4, "little") + size.to_bytes(4, "little"))
        try:
            pa.Array.from_buffers(pa.string(), 1, [None, offsets, self.buffer]).validate(full=True)
        except pa.ArrowInvalid:
            return False
        return True

    def _are_objects(self) -> bool:
        """Say whether every line begins and ends as an object does.

        If so none goes on in the next: within an object or array a line that begins with a brace must follow a comma,
        colon or bracket. A raw newline in a string is refused by the parser.
        """
        begin = pc.starts_with(self.texts, b"{")
        end = pc.or_(pc.ends_with(self.texts, b"}\n"), pc.ends_with(self.texts, b"}\r\n"))
        return bool(pc.all(pc.and_(begin, end)).as_py())

    def read(self, schema: pa.Schema) -> pa.Table | None:
        """Return a row for each line, or None if one of them does not follow the schema.

        Raises:
            pa.ArrowInvalid: A line has a key that the schema does not know, another type than it says, or is no JSON.
        """
        table = pj.read_json(
            pa.BufferReader(self.buffer),
            read_options=pj.ReadOptions(use_threads=False, block_size=self.buffer.size + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
        return table if table.num_rows == len(self) else None

    def refused_rows(self, schema: pa.Schema) -> list[int]:
        """Return the rows that the parser refuses and names; it names no row for a key, nor for a number's digits."""
        refused: list[int] = []
        start = 0
        while start < len(self) and len(refused) * _MOST_REFUSED <= len(self):
            try:
                self.slice(start, len(self) - start).read(schema)
            except pa.ArrowInvalid as error:
                named = _names_row(str(error))
                if named is None or start + int(named[1]) >= len(self):  # two objects on a line: no row is a line's
                    break
                refused.append(start + int(named[1]))
                start = refused[-1] + 1
            else:
                break
        return refused

    def inexact_rows(self, integers: Container[bytes]) -> Iterator[int]:
        """Yield the rows with a number whose literal may say something else than its float64.

        Args:
            integers: Keys whose values are always read as integers.
        """
        for at in inexact_literals(self.text, self._digits, integers):
            yield bisect_right(self.starts, at) - 1

    @cached_property
    def starts(self) -> Sequence[int]:
        """Return where each line begins in the text."""
        lengths = pc.cumulative_sum(pc.binary_length(self.texts)).to_pylist()
        return [0, *lengths[:-1]]

    def has_strange_numbers(self) -> bool:
        """Say whether a number may be none that JSON knows."""
        return b"NaN" in self.text or b"Infinity" in self.text

    def has_small_numbers(self) -> bool:
        """Say whether a number may be so small that it is read as zero."""
        return b"0e-000" in self._digits or b"0E-000" in self._digits

    @cached_property
    def _digits(self) -> bytes:
        return to_digits(self.text)


def to_chunk(runs: Sequence[Lines]) -> Chunk:
    """Return runs as one chunk; only those of more than one run are copied."""
    if len(runs) == 1:
        texts, numbers = runs[0].texts, runs[0].numbers
    else:
        texts = pa.concat_arrays([run.texts for run in runs])
        numbers = pa.concat_arrays([run.numbers for run in runs])
    times = [pa.repeat(pa.scalar(run.received_at_us, pa.int64()), len(run)) for run in runs]
    return Chunk(texts, numbers, pa.concat_arrays(times))


def in_order(runs: list[Lines]) -> list[Lines]:
    """Return the lines of runs that may overlap as runs in the order of the input."""
    if len(runs) <= 1:
        return runs
    chunk = to_chunk(runs)
    return chunk.pick(pc.sort_indices(chunk.numbers)).to_runs()
