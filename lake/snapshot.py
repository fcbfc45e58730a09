"""A source's commits become the list of files that make up a dataset, as of any commit.

Pure over the log: nothing here opens a data file. Every reader and every engine gets its files from `landed_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_datalake.commits import ActiveVersion, Commit, DataFile, StreamCounts

Versions = Literal["active", "all"]
"""``active``: what a reader should see; ``all``: everything that ever landed, which is what a glob sees."""


@dataclass(frozen=True)
class LandedFile:
    """A Parquet file of a dataset.

    Attributes:
        commit: The number of the commit that added it.
        key: Where it stands in the lake.
        uri: Where it stands for any engine: an absolute path, or an ``s3://`` address.
        rows: How many rows it holds.
        bytes: Its size.
        sha256: Its digest.
        schema: The id of the schema its columns follow.
        version: The table version of all its rows; None where the tap sent none.
        skip_rows: How many rows at its beginning `since` leaves out: those of older commits, in a merged file.
    """

    commit: int
    key: str
    uri: str
    rows: int
    bytes: int
    sha256: str
    schema: str
    version: int | None
    skip_rows: int = 0


@dataclass(frozen=True)
class HistoryEntry:
    """What one commit did to a dataset.

    Attributes:
        activated: The table version it made the one to read.
        purpose: ``run``, or the command that wrote it.
        erased: How many rows and rejected records it erased for good.
    """

    commit: int
    committed_at: str
    run: str
    received: int
    landed: int
    rejected: int
    files: int
    bytes: int
    activated: int | None
    purpose: str = "run"
    erased: int = 0


@dataclass(frozen=True)
class StreamFacts:
    """What the log says of a dataset: its schema's id, the files that a reader sees, and what its commits did."""

    schema: str
    rows: int = 0
    files: int = 0
    bytes: int = 0
    commits: int = 0
    received: int = 0
    rejected: int = 0
    last_commit: int | None = None
    last_commit_at: str | None = None


def select_commits(commits: Sequence[Commit], as_of: int | None) -> Sequence[Commit]:
    """Return the commits up to `as_of`, inclusive; all of them for None.

    Args:
        commits: A source's log, from entry 1, without a gap.
        as_of: A commit number; 0 is the lake before its first commit.

    Raises:
        UsageError: There is no such commit.
    """
    if as_of is None:
        return commits
    if not 0 <= as_of <= len(commits):
        last = f"the last one is {len(commits)}" if commits else "nothing is committed yet"
        raise UsageError(f"there is no commit {as_of}: {last}", where="as_of", fix=f"use 0 to {len(commits)}")
    return commits[:as_of]


def landed_files(
    commits: Sequence[Commit], stream: str, uri: str, *, since: int = 0, versions: Versions = "active"
) -> list[LandedFile]:
    """Return the files of a stream, in the order in which they landed.

    Args:
        commits: A source's log from entry 1 up to the commit to read as of.
        stream: The stream's name.
        uri: The lake's address, to make the files' own from.
        since: Leave out what this commit and those before it added.
        versions: The active table version, with what came without a version after it was activated; or all.
    """
    removed = {key for commit in commits for key in commit.remove}
    active = commits[-1].versions.get(stream) if commits and versions == "active" else None
    found = [
        (commit.n, file)
        for commit in commits[since:]
        for file in commit.add
        if file.stream == stream
        and file.key not in removed
        and landed_with(commit.n, file)[-1][0] > since
        and is_active(file, commit.n, active)
    ]
    found.sort(key=lambda item: landed_with(*item)[0][0])  # a merged file stands where its first rows stood
    return [to_landed(n, file, uri, since) for n, file in found]


def landed_with(commit: int, file: DataFile) -> tuple[tuple[int, int], ...]:
    """Return which commits a file's rows landed with, from its first row to its last, and how many with each."""
    return file.spans or ((commit, file.rows),)


def landed_rows(commits: Sequence[Commit], stream: str) -> dict[int, int]:
    """Return how many rows of a stream's active version landed with each commit, merged into other files or not."""
    removed = {key for commit in commits for key in commit.remove}
    active = commits[-1].versions.get(stream) if commits else None
    found: dict[int, int] = {}
    for commit in commits:
        for file in commit.add:
            if file.stream == stream and file.key not in removed and is_active(file, commit.n, active):
                for n, rows in landed_with(commit.n, file):
                    found[n] = found.get(n, 0) + rows
    return {n: found[n] for n in sorted(found)}


def to_landed(commit: int, file: DataFile, uri: str, since: int = 0) -> LandedFile:
    """Return a data file as readers see it who have all rows up to a commit."""
    skipped = sum(rows for n, rows in landed_with(commit, file) if n <= since)
    return LandedFile(
        commit=commit,
        key=file.key,
        uri=f"{uri}/{file.key}",
        rows=file.rows,
        bytes=file.bytes,
        sha256=file.sha256,
        schema=file.schema,
        version=file.version,
        skip_rows=skipped,
    )


def check_still_there(files: Iterable[LandedFile], later: Iterable[Commit]) -> None:
    """Check that no later commit has taken away what is to be read as of an earlier one.

    Raises:
        UsageError: One has: it merged, erased or dropped files.
    """
    keys = {file.key for file in files}
    takers = [commit for commit in later if not keys.isdisjoint(commit.remove)]
    if takers:
        last = takers[-1]
        raise UsageError(
            f"that can no longer be read: commit {last.n} ({last.purpose}) has taken the place of files of it",
            where="as_of",
            fix=f"read as of {last.n} or later",
        )


def summarize(commits: Sequence[Commit]) -> dict[str, StreamFacts]:
    """Return the facts of every stream that a log names, in one pass over it."""
    if not commits:
        return {}
    tallies = {stream: _Tally() for stream in commits[-1].schemas}
    removed = {key for commit in commits for key in commit.remove}
    for commit in commits:
        tallies |= {stream: _Tally() for stream in commit.dropped if stream in tallies}
        for stream, counts in commit.streams.items():
            if stream in tallies:  # else it was dropped since
                tallies[stream].count(commit, counts)
        for file in commit.add:
            if file.key not in removed and is_active(file, commit.n, commits[-1].versions.get(file.stream)):
                tallies[file.stream].take(file)
    return {stream: StreamFacts(schema, **vars(tallies[stream])) for stream, schema in commits[-1].schemas.items()}


@dataclass
class _Tally:
    """The facts of a stream while they are added up, of some ten thousand commits."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    commits: int = 0
    received: int = 0
    rejected: int = 0
    last_commit: int | None = None
    last_commit_at: str | None = None

    def count(self, commit: Commit, counts: StreamCounts) -> None:
        self.commits += 1
        self.received += counts.received
        self.rejected += counts.rejected
        self.last_commit, self.last_commit_at = commit.n, commit.committed_at

    def take(self, file: DataFile) -> None:
        self.rows += file.rows
        self.files += 1
        self.bytes += file.bytes


def superseded_files(commits: Sequence[Commit], stream: str) -> list[tuple[int, DataFile]]:
    """Return the data files of a stream's old table versions, each with the commit that added it.

    Old is what landed before the active version was activated and is no part of it. A version that came later is one
    that a run has not yet completed: it is kept.
    """
    active = commits[-1].versions.get(stream) if commits else None
    if active is None:
        return []
    removed = {key for commit in commits for key in commit.remove}
    return [
        (commit.n, file)
        for commit in commits
        for file in commit.add
        if file.stream == stream
        and file.key not in removed
        and not is_active(file, commit.n, active)
        and landed_with(commit.n, file)[-1][0] <= active.commit
    ]


def rejected_files(commits: Sequence[Commit], stream: str) -> list[DataFile]:
    """Return the files of a stream's rejected records, oldest first."""
    removed = {key for commit in commits for key in commit.remove}
    return [file for commit in commits for file in commit.rejected if file.stream == stream and file.key not in removed]


def stream_history(commits: Sequence[Commit], stream: str) -> list[HistoryEntry]:
    """Return one entry for each commit that concerns a stream, oldest first."""
    entries: list[HistoryEntry] = []
    before: ActiveVersion | None = None
    for commit in commits:
        if stream in commit.dropped:
            entries = []
        active = commit.versions.get(stream)
        activated = active.version if active and active != before else None
        before = active
        concerned = stream in commit.streams or any(file.stream == stream for file in commit.files)
        if concerned or stream in commit.erased or activated is not None:
            entries.append(_to_entry(commit, stream, activated))
    return entries


def _to_entry(commit: Commit, stream: str, activated: int | None) -> HistoryEntry:
    counts = commit.streams.get(stream)
    added = [file for file in commit.add if file.stream == stream]
    return HistoryEntry(
        commit=commit.n,
        committed_at=commit.committed_at,
        run=commit.run,
        received=counts.received if counts else 0,
        landed=counts.landed if counts else 0,
        rejected=counts.rejected if counts else 0,
        files=len(added),
        bytes=sum(file.bytes for file in added),
        activated=activated,
        purpose=commit.purpose,
        erased=commit.erased[stream].rows + commit.erased[stream].rejected if stream in commit.erased else 0,
    )


def is_active(file: DataFile, commit: int, active: ActiveVersion | None) -> bool:
    """Tell whether readers see a file that a commit added, by its version or, without one, by when it landed."""
    if active is None:
        return True
    if file.version is not None:
        return file.version == active.version
    return landed_with(commit, file)[0][0] > active.commit
