"""The rows and rejected records that a predicate is true for are taken out of a dataset for good.

Every version and generation is searched, the rejected records, and the samples of refused runs. Files that hold some of
them are written anew without; the old ones are gone when the command is. What is left is a record of how many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pyarrow.compute as pc

from lake.judge import Judge
from lake.merge_file import compression_of, open_committed, read_committed, write_data, write_rejects
from lake.raw_records import decide, split_lines
from lake.reject_list import SAMPLE_SUFFIX
from lake.schemas import Schemas
from lake.snapshot import landed_with
from lake.tables import conform, unify_schemas, with_raw
from lake.text import to_bytes
from target_datalake import layout
from target_datalake.commits import Erased
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from lake.held_source import CommitNames, HeldSource
    from target_datalake.commits import Commit, DataFile


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, or would be.

    Attributes:
        dataset: Its full name.
        commit: The commit that erased it; None where nothing was found, or nothing changed.
        rows: How many rows, of every version.
        rejected: How many rejected records, those in samples of refused runs included.
        undecided: How many rejected records nobody could tell about: their text is not there, is no JSON, or has a
            value that the predicate's column cannot hold.
        files: How many files were written anew or removed.
        bytes: Their size.
    """

    dataset: str
    commit: int | None
    rows: int
    rejected: int
    undecided: int
    files: int
    bytes: int


@dataclass
class _Work:
    """What is found and written on the way."""

    rows: int = 0
    rejected: int = 0
    undecided: int = 0
    size: int = 0
    remove: list[str] = field(default_factory=list)
    add: list[DataFile] = field(default_factory=list)
    rejects: list[DataFile] = field(default_factory=list)
    samples: dict[str, list[bytes]] = field(default_factory=dict)

    def takes_out(self, file: DataFile) -> None:
        self.remove.append(file.key)
        self.size += file.bytes


def erase(held: HeldSource, stream: str, where: str, *, undecided_too: bool = False, dry_run: bool = False) -> Erasure:
    """Erase what a predicate is true for. A crash leaves all of it, or nothing once the next run has begun.

    Args:
        held: The source.
        stream: The stream's name.
        where: A SQL predicate over the columns of the dataset, `_sdc_raw` included.
        undecided_too: Erase rejected records too that nobody can tell about.
        dry_run: Count, and change nothing.

    Raises:
        QueryError: The condition cannot be used.
        HeldError: Another writer was first; nothing is erased but lines of samples.
        StorageError: A file is damaged or missing.
    """
    commits, schemas = held.commits(), Schemas(held.storage, held.source)
    data, rejected = _live(commits, stream)
    columns = _columns(schemas, held.head, stream, [file for _, file in data])
    judge = Judge(where, columns)
    names, work = held.next_commit(), _Work()
    for n, file in data:
        _erase_rows(held, names, (n, file), judge, work, dry_run=dry_run)
    for file in rejected:
        lines = split_lines(read_committed(held.storage, file), gzipped=True)
        kept = _erase_lines(lines, stream, judge, work, undecided_too=undecided_too)
        if len(kept) < len(lines):
            work.takes_out(file)
            if kept and not dry_run:
                work.rejects.append(write_rejects(held.storage, names, file, kept))
    _search_samples(held, stream, judge, work, undecided_too=undecided_too)
    commit = None if dry_run else _commit(held, names, stream, work)
    return Erasure(
        dataset=f"landing.{held.source}.{stream}",
        commit=commit.n if commit else None,
        rows=work.rows,
        rejected=work.rejected,
        undecided=work.undecided,
        files=len(work.remove) + len(work.samples),
        bytes=work.size,
    )


def to_erasure_text(erasure: Erasure, *, dry_run: bool) -> str:
    """Return what was erased, or would be, and what nobody could tell about."""
    found = f"{erasure.rows:,} rows and {erasure.rejected:,} rejected records"
    size = f"{erasure.files:,} files, {to_bytes(erasure.bytes)}"
    if dry_run:
        said = f"{erasure.dataset}: {found} would be erased, out of {size}. Nothing was changed."
    elif erasure.commit is None:
        said = f"{erasure.dataset}: nothing to erase was found."
    else:
        said = f"{erasure.dataset}: {found} are erased for good by commit {erasure.commit}, out of {size}."
    lines = [escape(said)]
    if erasure.undecided:
        lines.append(
            f"{erasure.undecided:,} rejected records could not be decided about, and stay: their text is not there,"
        )
        lines.append(
            "is no JSON, or has a value of another type. See `lake rejects --raw`; --undecided-too erases them."
        )
    return "\n".join(lines)


def _live(commits: Sequence[Commit], stream: str) -> tuple[list[tuple[int, DataFile]], list[DataFile]]:
    removed = {key for commit in commits for key in commit.remove}
    files = [(commit.n, file) for commit in commits for file in commit.files
             if file.stream == stream and file.key not in removed]  # fmt: skip
    rejected = {file.key for commit in commits for file in commit.rejected}
    return [pair for pair in files if pair[1].key not in rejected], [file for _, file in files if file.key in rejected]


def _columns(schemas: Schemas, head: Commit, stream: str, files: Sequence[DataFile]) -> pa.Schema:
    """Return the columns under which all files are read, with that of the records' text."""
    ids = dict.fromkeys(file.schema for file in files)
    latest = head.schemas[stream]
    ids.pop(latest, None)
    return with_raw(unify_schemas([schemas.of(stream, each).arrow for each in (*ids, latest)]))


def _erase_rows(
    held: HeldSource, names: CommitNames, landed: tuple[int, DataFile], judge: Judge, work: _Work, *, dry_run: bool
) -> None:
    n, file = landed
    parquet = open_committed(held.storage, file)
    table = parquet.read()
    matched = judge.matches(conform(table, judge.columns), file.key)
    hits = pc.sum(matched).as_py() or 0
    if not hits:
        return
    work.rows += hits
    work.takes_out(file)
    kept = pc.invert(matched)
    if hits < table.num_rows and not dry_run:
        rows = table.filter(kept).to_batches()
        written = write_data(held.storage, names, file, rows, columns=table.schema, compression=compression_of(parquet))
        work.add.append(msgspec.structs.replace(written, spans=tuple(_kept_spans(landed_with(n, file), kept))))


def _kept_spans(spans: Sequence[tuple[int, int]], kept: pa.BooleanArray) -> Iterator[tuple[int, int]]:
    start = 0
    for commit, rows in spans:
        left = pc.sum(kept.slice(start, rows)).as_py() or 0
        if left:
            yield commit, left
        start += rows


def _erase_lines(lines: Sequence[bytes], stream: str, judge: Judge, work: _Work, *, undecided_too: bool) -> list[bytes]:
    """Return the rejected records that stay."""
    kept = []
    for line, verdict in zip(lines, decide(lines, stream, judge), strict=True):
        goes = verdict or (verdict is None and undecided_too)
        work.rejected += goes
        work.undecided += verdict is None and not goes
        if not goes:
            kept.append(line)
    return kept


def _search_samples(held: HeldSource, stream: str, judge: Judge, work: _Work, *, undecided_too: bool) -> None:
    for file in held.storage.list(layout.runs_prefix(held.source)):
        if file.key.endswith(SAMPLE_SUFFIX):
            lines = split_lines(held.storage.read(file.key), gzipped=False)
            kept = _erase_lines(lines, stream, judge, work, undecided_too=undecided_too)
            if len(kept) < len(lines):
                work.samples[file.key] = kept
                work.size += file.bytes


def _commit(held: HeldSource, names: CommitNames, stream: str, work: _Work) -> Commit | None:
    for key, lines in work.samples.items():  # no part of the log, so first: done again, it changes nothing
        if lines:
            held.storage.put(key, b"".join(lines), private=True)
        else:
            held.storage.delete(key)
    if not work.rows and not work.rejected:
        return None
    return held.commit(
        names,
        "erase",
        add=tuple(work.add),
        rejected=tuple(work.rejects),
        remove=tuple(work.remove),
        erased={stream: Erased(work.rows, work.rejected, work.undecided)},
    )
