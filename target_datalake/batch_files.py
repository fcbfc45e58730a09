"""The files that a BATCH message names become RECORD lines, as if the tap had written them on its pipe.

The encoding is the Meltano SDK's: JSON Lines, plain or gzipped, or Parquet. Files are local, read once from front to
back in bounded memory, and left alone. Nothing is fetched.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake.errors import MessageError
from target_datalake.lines import MAX_LINE_BYTES, Fingerprint, LineSplitter, LongLine
from target_datalake.scan import record_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Part = list[bytes] | LongLine
"""RECORD lines, or one that is too long to keep."""

_CHUNK_BYTES: Final = 1 << 20
_ROWS: Final = 1000


@dataclass(frozen=True)
class BatchFiles:
    """A BATCH message.

    Attributes:
        stream: Whose records the files hold.
        format: ``jsonl`` or ``parquet``.
        compression: ``gzip`` or ``none``, of JSON Lines only: Parquet says it itself.
        paths: The files.
    """

    stream: str
    format: str
    compression: str
    paths: tuple[str, ...]


def parse_batch(stream: str, encoding: Any, manifest: list[str] | None, line: int) -> BatchFiles:
    """Return what a BATCH message says.

    Args:
        stream: Its stream.
        encoding: Its `encoding`, decoded.
        manifest: Its `manifest`.
        line: Its line number, for messages.

    Raises:
        MessageError: The encoding is none that is read here, or the manifest names something else than local files.
    """
    known = encoding if isinstance(encoding, dict) else {}
    form, compression = str(known.get("format")), known.get("compression") or "none"
    if form not in _READERS or (form == "jsonl" and compression not in _OPENERS):
        raise MessageError(
            f'line {line}: a BATCH message of stream "{stream}" has an encoding that is not read here',
            where=f"stdin line {line}, /encoding",
            fix='use {"format": "jsonl", "compression": "gzip"} or "none", or {"format": "parquet"}',
        )
    if manifest is None:
        raise MessageError(f"line {line}: a BATCH message lacks its manifest", where=f"stdin line {line}, /manifest")
    return BatchFiles(stream, form, compression, tuple(_path(entry, line) for entry in manifest))


def read_records(files: BatchFiles) -> Iterator[Part]:
    """Yield the records of the files as RECORD lines.

    Raises:
        MessageError: A file is missing or broken, or a line of it is no JSON object.
    """
    start = b'{"type":"RECORD","stream":' + msgspec.json.encode(files.stream) + b',"record":'
    for path in files.paths:
        with _opened(path) as file:
            yield from _READERS[files.format](file, files, _Wrap(start, path))


class _Wrap:
    """Makes RECORD lines of one file's records, counting its lines from 1."""

    def __init__(self, start: bytes, path: str) -> None:
        self._start = start
        self._path = path
        self._line = 0

    def lines(self, texts: list[bytes]) -> list[bytes]:
        wrapped = []
        for text in texts:
            self._line += 1
            if text.strip():
                wrapped.append(self._start + text + b"}")
                if not self._is_object(text, wrapped[-1]):
                    raise MessageError(
                        f"line {self._line} of a BATCH file is not a JSON object",
                        where=f"{self._path} line {self._line}",
                        fix="mend the tap: each line of the file is one record",
                    )
        return wrapped

    def _is_object(self, text: bytes, wrapped: bytes) -> bool:
        """Say whether a text is one object and nothing else; a NaN or a lone surrogate in it is the record's matter."""
        try:
            _decode_object(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        else:
            return True
        try:
            return isinstance(json.loads(text.decode("utf-8", "surrogateescape"), parse_int=float), dict)
        except RecursionError:
            span = record_span(wrapped)
            return span is not None and span[1] == len(wrapped) - 1 and text.lstrip().startswith(b"{")
        except ValueError:
            return False


_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _read_jsonl(file: BinaryIO, files: BatchFiles, wrap: _Wrap) -> Iterator[Part]:
    splitter = LineSplitter()
    with _OPENERS[files.compression](file) as plain:
        while chunk := plain.read(_CHUNK_BYTES):
            for part in splitter.split(chunk):
                yield part if isinstance(part, LongLine) else wrap.lines(part[:-1].split(b"\n"))
    last = splitter.close()
    yield last if isinstance(last, LongLine) else wrap.lines([last])


def _read_parquet(file: BinaryIO, _files: BatchFiles, wrap: _Wrap) -> Iterator[Part]:
    with pq.ParquetFile(file) as parquet:
        if len(set(parquet.schema_arrow.names)) < len(parquet.schema_arrow.names):
            raise ValueError("two columns have the same name")
        for batch in parquet.iter_batches(batch_size=_ROWS):
            rows = _readable(batch).to_pylist(maps_as_pydicts="strict")
            lines: list[bytes] = []
            for row in rows:
                text = _encode(_with_literals(row))
                if len(text) > MAX_LINE_BYTES:
                    yield wrap.lines(lines)
                    yield LongLine(Fingerprint(len(text), hashlib.sha256(text).hexdigest()), b"", b"")
                    lines = []
                else:
                    lines.append(text)
            yield wrap.lines(lines)


_encode = msgspec.json.Encoder(decimal_format="number").encode


def _readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose timestamps are texts, since Python's have no nanoseconds."""
    columns = [column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _with_literals(value: Any) -> Any:
    """Return a value in which NaN and the infinities are written as such: they reject their record, and never land."""
    if isinstance(value, float) and value - value != 0:
        return msgspec.Raw(repr(value).replace("nan", "NaN").replace("inf", "Infinity").encode())
    if isinstance(value, dict):
        return {key: _with_literals(item) for key, item in value.items()}
    return [_with_literals(item) for item in value] if isinstance(value, list) else value


def _path(entry: str, line: int) -> str:
    path = unquote(entry.removeprefix("file://localhost").removeprefix("file://"), errors="surrogateescape")
    if not entry.startswith("file://") or not path.startswith("/") or "\0" in path:
        raise MessageError(
            f"line {line}: a BATCH message names something else than a local file",
            where=f"stdin line {line}, /manifest",
            fix='each entry is "file://" and an absolute path; nothing is fetched from a network',
        )
    return path


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open a regular file, and word what goes wrong while it is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise MessageError("a BATCH message names something that is no regular file", where=path)
            yield file
    except (OSError, EOFError, zlib.error, pa.ArrowException, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is cut off or damaged"
        raise MessageError(
            f"a file that a BATCH message names cannot be read: {reason}",
            where=path,
            fix="keep the tap's files until the target has ended, then run both again: nothing of it is committed",
        ) from error


_OPENERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "none": lambda file: file,
}
_READERS: Final[Mapping[str, Callable[[BinaryIO, BatchFiles, _Wrap], Iterator[Part]]]] = {
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}
