"""A dataset whose files are read by Python code becomes one that DuckDB may scan.

DuckDB begins a scan with `Scanner.to_reader`, which keeps Python's lock. Where a file cannot be opened meanwhile, Arrow
holds a lock of its own as it asks for Python's, to word the error: the two wait for each other for ever. Batches are
read without Python's lock, so the reader is made of those.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs


def is_read_by_python(dataset: ds.Dataset) -> bool:
    """Tell whether a file of a dataset is opened by Python code, as those of a bucket are."""
    if isinstance(dataset, ds.UnionDataset):
        return any(map(is_read_by_python, dataset.children))
    return isinstance(dataset, ds.FileSystemDataset) and isinstance(dataset.filesystem, fs.PyFileSystem)


class UnlockedDataset(ds.UnionDataset):  # type: ignore[misc]  # pyarrow brings no types
    """The rows of a dataset, for DuckDB: projections and filters reach down into its files still.

    Attributes:
        options: What every scan of it is given, such as `batch_size`.
    """

    options: dict[str, Any]

    def scanner(self, **asked: Any) -> _UnlockedScanner:
        """Return what DuckDB asks for a reader."""
        return _UnlockedScanner(super().scanner(**self.options, **asked))


class _UnlockedScanner:
    def __init__(self, scanner: ds.Scanner) -> None:
        self._scanner = scanner

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._scanner.projected_schema, self._scanner.to_batches())


def to_scannable(table: Any) -> Any:
    """Return a table as DuckDB may scan it: what is no dataset, or is read by Arrow itself, as it is."""
    if isinstance(table, UnlockedDataset) or not isinstance(table, ds.Dataset) or not is_read_by_python(table):
        return table
    return unlocked(table)


def unlocked(dataset: ds.Dataset, **options: Any) -> UnlockedDataset:
    """Return a dataset for DuckDB to scan, with options of its scans."""
    found = UnlockedDataset(dataset.schema, [dataset])
    found.options = options
    return found
