"""Texts of lines become Singer messages; RECORD lines stay bytes, gathered in runs of one stream.

A run is found without a look at each of its lines in Python: what begins as a known RECORD line began has that line's
type and stream. Runs of several streams that alternate are sorted out between one other message and the next, since a
commit is cut only at those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.batch_files import BatchFiles, read_records
from target_datalake.envelope import edge_members
from target_datalake.errors import MessageError
from target_datalake.lines import MAX_LINE_BYTES, LongLine
from target_datalake.messages import Records, Tick, parse_message
from target_datalake.runs import Lines, compact, count_from, split_lines, text_size, to_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_datalake.input import Batch
    from target_datalake.messages import Message

_MEMBER: Final = rb'\s*"(?:type|stream|time_extracted|version)":\s*(?:"[^"\\]*"|\d+),'
_RECORD_PREFIX: Final = re.compile(rb"\{(?:" + _MEMBER + rb')+\s*"record":')
"""How most producers begin a RECORD line: with whole members of the message."""

_RECORD_KEY: Final = b'"record":'
_FIRST_BYTES: Final = 32 << 10
_MAX_PREFIXES: Final = 10_000

_Rows: TypeAlias = "dict[str | None, list[int]]"
"""Where the lines of each stream stand in a block; None for those that say nothing."""


class _Stopped(Exception):  # noqa: N818 (no error: the run was asked to stop)
    """What follows in the input is not to be read."""


class MessageReader:
    """Reads messages from batches of lines, counting lines from 1; a BATCH message's records count as lines too.

    Args:
        clock_us: Now, in microseconds since 1970, UTC.
        is_stopped: Says whether to stop in the middle of a BATCH message's files, which may be long.

    Attributes:
        torn_line: The number of the line in whose middle the input ended; 0 if it ended with a whole one.
    """

    def __init__(self, clock_us: Callable[[], int], is_stopped: Callable[[], bool] = lambda: False) -> None:
        self.torn_line = 0
        self._is_stopped = is_stopped
        self._clock_us = clock_us
        self._line = 0
        self._streams: dict[bytes, str] = {}
        self._prefix = b""

    def read(self, batches: Iterable[Batch]) -> Iterator[Message]:
        """Yield the messages of the batches.

        Raises:
            MessageError: A line is no Singer message.
        """
        for batch in batches:
            try:
                for text in self._portions(batch.text):
                    yield from self._read_text(text)
            except _Stopped:
                return
            if batch.long is not None:
                yield self._read_long(batch.long)
            elif batch.torn:
                self.torn_line = self._line + 1
            elif not batch.text:
                yield Tick()

    def _portions(self, text: bytes) -> Iterator[bytes]:
        """Yield a text, before anything is known in two: its first lines show how RECORD lines begin here."""
        cut = 0 if self._prefix else text.find(b"\n", _FIRST_BYTES) + 1
        if cut:
            yield text[:cut]
        yield text[cut:]

    def _read_text(self, text: bytes) -> Iterator[Message]:
        block = _Block(split_lines(text), self._clock_us(), self._prefix, self._streams.get(self._prefix, ""))
        rows: _Rows = {}
        start = 0
        for index, line in block.others():
            found = self._find(line, self._line + index + 1)
            if found is None or isinstance(found, str):
                rows.setdefault(found, []).append(index)
                continue
            yield from block.records(start, index, rows, self._line)
            start, rows = index + 1, {}
            if isinstance(found, BatchFiles):
                yield from self._read_files(found, start)
            else:
                yield found
        yield from block.records(start, len(block.texts), rows, self._line)
        self._line += len(block.texts)

    def _find(self, line: bytes, number: int) -> Message | BatchFiles | str | None:
        """Return a line's message, the stream's name if it is a RECORD, or None if it says nothing."""
        key = line[: line.find(_RECORD_KEY) + len(_RECORD_KEY)]
        if (known := self._streams.get(key)) is not None:
            self._prefix = key
            return known
        found = parse_message(line, number)
        match = _RECORD_PREFIX.match(line)
        if isinstance(found, str) and match:
            if len(self._streams) >= _MAX_PREFIXES:
                self._streams.clear()
            self._streams[match[0]] = found
            self._prefix = match[0]
        return found

    def _read_files(self, files: BatchFiles, index: int) -> Iterator[Records]:
        """Yield the records of a BATCH message, `index` lines into the batch of lines that is being read."""
        for part in read_records(files):
            if self._is_stopped():
                raise _Stopped  # a STATE that follows does not cover what has not been read
            lines, fingerprint = ([b""], part.fingerprint) if isinstance(part, LongLine) else (part, None)
            if lines:
                yield Records(files.stream, to_run(lines, self._line + index + 1, self._clock_us(), fingerprint))
            self._line += len(lines)

    def _read_long(self, line: LongLine) -> Records:
        """Return a record that is to be rejected unread; any other message of that length is refused."""
        self._line += 1
        members = edge_members(line.head, line.tail)
        if str(members.get("type")).upper() != "RECORD" or not members.get("stream"):
            raise MessageError(
                f"line {self._line} has {line.fingerprint.bytes} bytes, and no edge of a RECORD message",
                where=f"stdin line {self._line}",
                fix=f"only records may be longer than {MAX_LINE_BYTES} bytes: they are rejected, and the others land",
            )
        return Records(str(members["stream"]), to_run([b""], self._line, self._clock_us(), line.fingerprint))


class _Block:
    """Lines that were read together.

    Args:
        texts: The lines.
        received_at_us: When they were read.
        prefix: How the lines begin that need no look; empty for none.
        stream: The stream of those.
    """

    def __init__(self, texts: pa.BinaryArray, received_at_us: int, prefix: bytes, stream: str) -> None:
        self.texts = texts
        self._received_at_us = received_at_us
        self._stream = stream
        nothing = pa.repeat(pa.scalar(value=False), len(texts))
        self._is_known = pc.starts_with(texts, prefix) if prefix else nothing

    def others(self) -> Iterable[tuple[int, bytes]]:
        """Return the lines that begin otherwise, and where they stand."""
        rows = pc.indices_nonzero(pc.invert(self._is_known))
        texts = self.texts if len(rows) == len(self.texts) else self.texts.take(rows)
        return zip(rows.to_pylist(), texts.to_pylist(), strict=True)

    def records(self, start: int, end: int, rows: _Rows, lines_before: int) -> Iterator[Records]:
        """Yield the runs of a part of the lines.

        Args:
            start: Where the part begins.
            end: Where it ends.
            rows: Those of its lines that begin otherwise than with the prefix, by stream; None for no record.
            lines_before: How many lines of the input came before these.
        """
        others = sum(map(len, rows.values()))
        if end - start > others:
            known = pc.indices_nonzero(self._is_known.slice(start, end - start))
            rows = {**rows, self._stream: _merged(pc.add(known, pa.scalar(start, pa.uint64())), rows.get(self._stream))}
        for stream, indices in rows.items():
            if stream is not None:
                yield Records(stream, self._run(indices, start if len(indices) == end - start else None, lines_before))

    def _run(self, rows: Sequence[int] | pa.UInt64Array, start: int | None, lines_before: int) -> Lines:
        """Return lines as a run; with `start` they are those that follow each other from there on."""
        if start is None:
            indices = pa.array(rows, pa.uint64())
            numbers = pc.add(indices.cast(pa.int64()), lines_before + 1)
            return Lines(self.texts.take(indices), numbers, self._received_at_us)
        texts = self.texts.slice(start, len(rows))
        if 2 * text_size(texts) < text_size(self.texts):
            texts = compact(texts)
        return Lines(texts, count_from(lines_before + start + 1, len(rows)), self._received_at_us)


def _merged(known: pa.UInt64Array, others: list[int] | None) -> pa.UInt64Array:
    if others is None:
        return known
    both = pa.concat_arrays([known, pa.array(others, pa.uint64())])
    return both.take(pc.sort_indices(both))
