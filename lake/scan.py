"""Data files become a pyarrow dataset: rows that are read when, and as far as, somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from lake.filesystem import to_filesystem
from lake.tables import explained_damage, read_table
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lake.snapshot import LandedFile
    from target_datalake.storage import Storage


def to_dataset(
    storage: Storage, files: Sequence[LandedFile], schema: pa.Schema, written: Mapping[str, pa.Schema]
) -> ds.Dataset:
    """Return the rows of files, in their order, as a dataset; projections and filters reach down into the files.

    Files whose first rows are left out, and files in which a column has a type that is read as JSON text here, are
    read at once: Arrow would cast `5` to "5", which is another value than the JSON text of a string.

    Args:
        storage: The lake.
        files: What to read.
        schema: What every file is read as.
        written: The data columns of each schema, by its id.

    Raises:
        StorageError: A file that is read at once is missing or damaged.
    """
    form, system = ds.ParquetFileFormat(), to_filesystem(storage)
    children = []
    for alike, group in _runs(files, schema, written):
        if alike:
            fragments = [form.make_fragment(file.key, system) for file in group]
            children.append(ds.FileSystemDataset(fragments, schema, form, system))
        else:
            children.append(ds.InMemoryDataset(read_table(storage, group, schema, schema.names)))
    if not children:
        return ds.InMemoryDataset(schema.empty_table())
    return children[0] if len(children) == 1 else ds.UnionDataset(schema, children)


def read_batches(
    storage: Storage, dataset: ds.Dataset, columns: Sequence[str] | None, check: Callable[[], None]
) -> pa.RecordBatchReader:
    """Return a dataset's rows batch by batch.

    Args:
        storage: The lake.
        dataset: The rows.
        columns: The columns; None for all.
        check: Called when a file could not be read; raises what is wrong with it, and names it.
    """
    scanner = dataset.scanner(columns=None if columns is None else list(columns))

    def batches() -> Iterator[pa.RecordBatch]:
        with explained_damage(storage, ""):
            try:
                yield from scanner.to_batches()
            except (pa.ArrowException, OSError):
                check()
                raise

    return pa.RecordBatchReader.from_batches(scanner.projected_schema, batches())


def _runs(
    files: Sequence[LandedFile], schema: pa.Schema, written: Mapping[str, pa.Schema]
) -> list[tuple[bool, list[LandedFile]]]:
    """Cut files into runs that Arrow's own casts can read, and runs that they cannot."""
    runs: list[tuple[bool, list[LandedFile]]] = []
    for file in files:
        alike = not file.skip_rows and not _becomes_text(written[file.schema], schema)
        if not runs or runs[-1][0] != alike:
            runs.append((alike, []))
        runs[-1][1].append(file)
    return runs


def _becomes_text(held: pa.Schema, schema: pa.Schema) -> bool:
    return any(is_json_text(schema.field(field.name)) and not is_json_text(field) for field in held)
