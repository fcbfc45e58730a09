"""A dataset that a build reads becomes a fixed list of files under one schema, and a record of which they were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from lake.errors import UsageError
from lake.snapshot import landed_rows
from target_datalake.commits import BuildInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    import pyarrow.dataset as ds

    from lake.dataset import Dataset
    from lake.sandbox import Name
    from lake.snapshot import LandedFile
    from target_datalake.commits import Commit

_MERGEABLE = frozenset({"run", "compact"})
"""What writes commits whose new rows all come after the rows before them; a replay's take their old place."""


@dataclass(frozen=True)
class Input:
    """What a query reads of one dataset, whatever lands meanwhile.

    Attributes:
        table: The schema (empty for a bare name) and the name by which the query calls it.
        dataset: Where it is read from.
        files: The files of its active version, in reading order. A file's first `skip_rows` rows are not part of it.
        schema: The columns under which all of its files are read together.
        record: What the build's log entry says of it.
    """

    table: Name
    dataset: Dataset
    files: Sequence[LandedFile]
    schema: pa.Schema
    record: BuildInput

    def scan(self) -> ds.Dataset:
        """Return its rows for an engine that reads Arrow; they are read as they are asked for."""
        return self.dataset.scan_files(self.files, self.schema)


def pin(table: Name, dataset: Dataset) -> Input:
    """Fix what is read of a dataset, as it is now. Raises UsageError if nothing is there to read."""
    commits = dataset.commits()
    if not commits or dataset.stream not in commits[-1].schemas:
        raise UsageError(f"{dataset.name} is not in the lake", fix="build it first")
    head = commits[-1]
    files = dataset.files(as_of=head.n)
    schema = dataset.schema_of(files, head.n)
    rows = _digest_rows(commits, dataset.stream, head.n)
    return Input(table, dataset, files, schema, BuildInput(dataset.name, head.n, head.id, digest_columns(schema), rows))


def only_new(pinned: Input, before: BuildInput) -> Input | None:
    """Return an input with no more than what landed after an earlier build read it.

    None where that is not all that has changed: its columns are others, rows went, or came in an older row's place.
    """
    commits, stream = pinned.dataset.commits()[: pinned.record.commit], pinned.dataset.stream
    if not 0 < before.commit <= len(commits) or commits[before.commit - 1].id != before.id:
        return None
    if before.schema != pinned.record.schema or before.rows != _digest_rows(commits, stream, before.commit):
        return None
    if any(commit.purpose not in _MERGEABLE and _adds_to(commit, stream) for commit in commits[before.commit :]):
        return None
    files = pinned.dataset.files(as_of=pinned.record.commit, since=before.commit)
    return replace(pinned, files=files)


def is_same(before: BuildInput, now: BuildInput) -> bool:
    """Tell whether two builds read the same rows under the same columns."""
    return (before.name, before.schema, before.rows) == (now.name, now.schema, now.rows)


def digest_columns(schema: pa.Schema) -> str:
    """Return what is the same for the same columns: names, types and order."""
    return _digest([[field.name, str(field.type)] for field in schema])


def _digest_rows(commits: Sequence[Commit], stream: str, upto: int) -> str:
    """Return what is the same while the rows up to a commit are the same, merged into fewer files or not."""
    landed = landed_rows(commits, stream)
    return _digest([[commits[n - 1].id, rows] for n, rows in landed.items() if n <= upto])


def _adds_to(commit: Commit, stream: str) -> bool:
    return any(file.stream == stream for file in commit.add)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:32]
