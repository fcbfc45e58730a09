"""Small files of closed days become larger ones: the same rows, in the same order, in fewer files.

Only neighbours are merged: files of one folder (stream, generation, load date, partition) and one table version that
follow each other in reading order, so reading gives what it gave before.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from lake.merge_file import compression_of, open_committed, write_data
from lake.schemas import Schemas
from lake.snapshot import is_active, landed_with
from lake.tables import conform
from target_datalake.arrow_schema import RAW_FIELD, file_schema
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow.parquet as pq

    from lake.held_source import CommitNames, HeldSource
    from target_datalake.commits import ActiveVersion, Commit, DataFile
    from target_datalake.storage import Storage

COMMIT_BYTES = 1 << 30
"""Merges share a commit up to this many bytes: a crash loses no more work, and no more stands in the lake twice."""

_LOAD_DATE = re.compile(r"/load_date=(\d{4}-\d\d-\d\d)/")


@dataclass(frozen=True)
class Landed:
    """A data file, and the commit that added it."""

    commit: int
    file: DataFile


@dataclass(frozen=True)
class Merge:
    """Neighbours that become one file."""

    parts: tuple[Landed, ...]

    @property
    def bytes(self) -> int:
        """Return the size of its parts."""
        return sum(part.file.bytes for part in self.parts)


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit merged of a stream."""

    dataset: str
    commit: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(held: HeldSource, streams: Iterable[str], target_bytes: int) -> Iterator[Compacted]:
    """Merge the small files of streams, and yield what each commit did to each stream.

    A crash leaves every commit whole or not at all; run again, it goes on.

    Args:
        held: The source.
        streams: Which of its streams.
        target_bytes: Merge up to this size.

    Raises:
        HeldError: Another writer committed meanwhile; what was merged before stays.
        StorageError: A file is damaged or missing.
    """
    schemas = Schemas(held.storage, held.source)
    commits = held.commits()
    merges = [
        merge for stream in streams for merge in plan_merges(commits, stream, schemas, held.now.date(), target_bytes)
    ]
    for batch in _batches(merges):
        yield from _commit(held, batch, schemas)


def plan_merges(
    commits: Sequence[Commit], stream: str, schemas: Schemas, today: date, target_bytes: int
) -> list[Merge]:
    """Return which files of a stream are to be merged; no data file is read.

    Args:
        commits: The source's log.
        stream: The stream's name.
        schemas: The source's schema documents.
        today: Files of this day, UTC, and later ones are left alone.
        target_bytes: No merged file has more bytes of parts than this.
    """
    removed = {key for commit in commits for key in commit.remove}
    live = [Landed(commit.n, file) for commit in commits for file in commit.add
            if file.stream == stream and file.key not in removed]  # fmt: skip
    live.sort(key=lambda part: landed_with(part.commit, part.file)[0][0])  # as readers read them
    folders: dict[str, list[Landed]] = {}
    for part in live:
        if _is_closed(part.file.key, today):
            folders.setdefault(part.file.key.rpartition("/")[0], []).append(part)
    active = commits[-1].versions.get(stream) if commits else None
    return [merge for parts in folders.values() for merge in _neighbours(parts, schemas, active, target_bytes)]


def _is_closed(key: str, today: date) -> bool:
    match = _LOAD_DATE.search(key)
    return match is not None and date.fromisoformat(match[1]) < today


def _neighbours(
    parts: Sequence[Landed], schemas: Schemas, active: ActiveVersion | None, target_bytes: int
) -> Iterator[Merge]:
    """Yield runs of two and more neighbours that fit into one file."""
    run: list[Landed] = []
    for part in parts:
        fits = run and sum(each.file.bytes for each in run) + part.file.bytes <= target_bytes
        if not fits or not _go_together(run[-1], part, schemas, active):
            if len(run) > 1:
                yield Merge(tuple(run))
            run = []
        run.append(part)
    if len(run) > 1:
        yield Merge(tuple(run))


def _go_together(first: Landed, second: Landed, schemas: Schemas, active: ActiveVersion | None) -> bool:
    if first.file.version != second.file.version:
        return False
    if is_active(first.file, first.commit, active) != is_active(second.file, second.commit, active):
        return False
    older, newer = (schemas.of(each.file.stream, each.file.schema).arrow for each in (first, second))
    return _holds(newer, older)


def _holds(newer: pa.Schema, older: pa.Schema) -> bool:
    """Tell whether a schema has every column of another, of the same type."""
    known = {field.name: field for field in newer}
    return all(field.name in known and known[field.name].equals(field, check_metadata=True) for field in older)


def _batches(merges: Iterable[Merge]) -> Iterator[list[Merge]]:
    batch: list[Merge] = []
    for merge in merges:
        if batch and sum(each.bytes for each in batch) + merge.bytes > COMMIT_BYTES:
            yield batch
            batch = []
        batch.append(merge)
    if batch:
        yield batch


def _commit(held: HeldSource, merges: Sequence[Merge], schemas: Schemas) -> Iterator[Compacted]:
    names = held.next_commit()
    done = [pair for merge in merges for pair in _write(held.storage, names, merge, schemas)]
    if not done:
        return
    added, removed = (file for _, file in done), (part.file.key for merge, _ in done for part in merge.parts)
    commit = held.commit(names, "compact", add=tuple(added), remove=tuple(removed))
    for stream, group in itertools.groupby(done, key=lambda pair: pair[1].stream):
        pairs = list(group)
        yield Compacted(
            dataset=f"landing.{held.source}.{stream}",
            commit=commit.n,
            files_before=sum(len(merge.parts) for merge, _ in pairs),
            files_after=len(pairs),
            bytes_before=sum(merge.bytes for merge, _ in pairs),
            bytes_after=sum(file.bytes for _, file in pairs),
        )


def _write(storage: Storage, names: CommitNames, merge: Merge, schemas: Schemas) -> Iterator[tuple[Merge, DataFile]]:
    """Write a merge, in two where some of its files keep the text of records: their readers get a column more."""
    opened = [(part, open_committed(storage, part.file)) for part in merge.parts]
    for raw, group in itertools.groupby(opened, key=lambda pair: RAW_FIELD.name in pair[1].schema_arrow.names):
        run = list(group)
        if len(run) > 1:
            parts, parquets = zip(*run, strict=True)
            newest = parts[-1].file
            columns = file_schema(schemas.of(newest.stream, newest.schema), keep_raw=raw)
            file = _write_run(
                storage, names, Merge(parts), _rows(parquets, columns), columns, compression_of(parquets[-1])
            )
            yield Merge(parts), file


def _write_run(
    storage: Storage,
    names: CommitNames,
    merge: Merge,
    rows: Iterator[pa.RecordBatch],
    columns: pa.Schema,
    compression: str,
) -> DataFile:
    newest = merge.parts[-1].file
    written = write_data(storage, names, newest, rows, columns=columns, compression=compression)
    if written.rows != sum(part.file.rows for part in merge.parts):
        fix = "`lake verify` shows which"
        raise StorageError("a file has other rows than the log says", where=f"{storage.uri}/{newest.key}", fix=fix)
    return msgspec.structs.replace(written, spans=_spans(merge.parts))


def _rows(parts: Sequence[pq.ParquetFile], columns: pa.Schema) -> Iterator[pa.RecordBatch]:
    for parquet in parts:
        for batch in parquet.iter_batches():
            yield from conform(pa.Table.from_batches([batch]), columns).to_batches()


def _spans(parts: Sequence[Landed]) -> tuple[tuple[int, int], ...]:
    spans = [span for part in parts for span in landed_with(part.commit, part.file)]
    groups = itertools.groupby(spans, key=lambda span: span[0])
    return tuple((commit, sum(rows for _, rows in group)) for commit, group in groups)
