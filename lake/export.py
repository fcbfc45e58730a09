"""Batches of rows become a file of another format: CSV, JSON Lines, or one Parquet file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

Format = Literal["csv", "jsonl", "parquet"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run as a formula (OWASP, CSV injection)."""

_ROWS = 10_000
"""Rows that are Python objects at once."""

_to_json = msgspec.json.Encoder(decimal_format="number").encode


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def export_rows(reader: pa.RecordBatchReader, form: Format, out: BinaryIO) -> int:
    """Write rows, and return how many they were.

    CSV has a header; nested values are JSON, and a text that a spreadsheet would run begins with an apostrophe.
    JSON Lines keeps every digit of a number; NaN and Infinity, which JSON lacks, are null there.

    Args:
        reader: The rows, batch by batch.
        form: What to write.
        out: Where to.
    """
    writer, rows = _WRITERS[form](reader.schema, out), 0
    for batch in reader:
        for start in range(0, batch.num_rows, _ROWS):
            writer.write(batch.slice(start, _ROWS))
        rows += batch.num_rows
    writer.close()
    return rows


class _CsvWriter:
    def __init__(self, schema: pa.Schema, out: BinaryIO) -> None:
        self._out = out
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow([_tame(name) for name in schema.names])

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.writerows([_cell(value) for value in row.values()] for row in batch.to_pylist())
        self._flush()

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        self._out.write(self._text.getvalue().encode("utf-8"))
        self._text.seek(0)
        self._text.truncate()


class _JsonLinesWriter:
    def __init__(self, _: pa.Schema, out: BinaryIO) -> None:
        self._out = out

    def write(self, batch: pa.RecordBatch) -> None:
        self._out.write(b"".join(_to_json(row) + b"\n" for row in batch.to_pylist()))

    def close(self) -> None:
        """Nothing stands after the last line."""


class _ParquetWriter:
    def __init__(self, schema: pa.Schema, out: BinaryIO) -> None:
        import pyarrow.parquet as pq  # 100 ms, for those who ask for it

        self._writer = pq.ParquetWriter(out, schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


def _cell(value: Any) -> str:
    """Return a value as text: as JSON writes it, a text as it is."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _tame(value)
    text = _to_json(value).decode()
    return text[1:-1] if text.startswith('"') else text


def _tame(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


_WRITERS: dict[Format, Callable[[pa.Schema, BinaryIO], _Writer]] = {
    "csv": _CsvWriter,
    "jsonl": _JsonLinesWriter,
    "parquet": _ParquetWriter,
}
