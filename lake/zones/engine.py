"""What an engine is given, and what it has to give back: a query over fixed files becomes files of a new version.

An engine writes Parquet where `Output` says, in files that it names, and returns one entry a file. It commits nothing:
whoever called it checks what was declared of the rows, and then writes the log entry that makes the files the dataset.
Files that it wrote by other means than `Output.open` stand in the version's folder already (executors write them there
themselves): they are published by being named, and swept if they never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow.dataset as ds

from lake.zones.columns import checked_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from lake.zones.definition import Definition
    from lake.zones.inputs import Input
    from lake.zones.output import Output
    from target_datalake.commits import DataFile


@dataclass(frozen=True)
class Job:
    """One run of one definition.

    Attributes:
        definition: What to run: its `text` is the query in DuckDB's SQL, its `tables` are what that reads.
        inputs: What each of the tables stands for.
        previous: The rows of the version before, to merge the result into by primary key; None to make all anew.
        scratch: A private folder on this machine, removed when the build ends.
        memory_limit: How much memory the engine may use for its work, as ``2GB``; what is more goes to `scratch`.
    """

    definition: Definition
    inputs: Sequence[Input]
    previous: Input | None
    scratch: Path
    memory_limit: str

    def check_readable(self) -> None:
        """Read the files of the inputs through, for who was told only that something cannot be read.

        Raises:
            StorageError: One is missing or damaged; it is named.
        """
        for each in (*self.inputs, *([self.previous] if self.previous else [])):
            each.dataset.check_readable(each.files)


@dataclass(frozen=True)
class Result:
    """What an engine made.

    Attributes:
        files: The data files, with rows, bytes, sha256, and how they are staged.
        checked: The columns that `checked_columns` names, of all rows, as something that DuckDB can scan.
    """

    files: Sequence[DataFile] = ()
    checked: Any = None

    @property
    def rows(self) -> int:
        """Return how many rows the version has."""
        return sum(file.rows for file in self.files)


class Engine(Protocol):
    """Runs queries. `run` raises QueryError for what the user has to mend, with the file and the line."""

    name: str

    def run(self, job: Job, output: Output) -> Result:
        """Write the rows of a job's result, and return the files. Whatever it raises, the output is thrown away."""
        ...


def write_rows(job: Job, output: Output, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Result:
    """Write the rows of a result that comes through this process, keeping the columns to be checked beside them."""
    names = checked_columns(job.definition.header, schema)
    beside = job.scratch / "checked.parquet"
    files = output.write(batches, schema, names, beside)
    return Result(files, ds.dataset(beside) if names else None)
