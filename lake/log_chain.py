"""A source's log becomes its entries, and what is broken in their chain: damage is told here, not raised."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from target_datalake.commits import Commit, DataFile
    from target_datalake.storage import Storage

_PARALLEL_READS = 8
"""Entries read at once: on S3 each is a round trip."""

_ENTRY_NAME = re.compile(r"\d{20}\.json\Z")


@dataclass(frozen=True)
class LogChain:
    """A log as far as it can be read.

    Attributes:
        source: Whose log it is.
        commits: The entries that can be read, in order.
        breaks: What is wrong: the key of an entry, and a sentence.
        live: The files that the entries add and none removes.
        removed: From the key of each removed file to the number of the commit that removed it.
        schemas: Stream and id of each schema that a live file follows, or that is in force.
    """

    source: str
    commits: tuple[Commit, ...]
    breaks: tuple[tuple[str, str], ...]
    live: tuple[DataFile, ...]
    removed: dict[str, int]
    schemas: frozenset[tuple[str, str]]

    @property
    def head(self) -> int:
        """Return the number of the last entry that can be read; 0 without any."""
        return self.commits[-1].n if self.commits else 0


def read_chain(storage: Storage, source: str, *, after: int = 0) -> LogChain:
    """Return a source's log, or its entries after one. Raises StorageError if the log cannot be listed."""
    start = layout.log_key(source, after) if after else ""
    keys = [file.key for file in storage.list(layout.log_prefix(source), after=start)]
    log = CommitLog(storage, source)
    with ThreadPoolExecutor(_PARALLEL_READS) as pool:
        read = list(pool.map(lambda key: _read_entry(log, key), keys))
    commits = tuple(commit for commit, _ in read if commit)
    breaks = [(key, problem) for key, (_, problem) in zip(keys, read, strict=True) if problem]
    return _to_chain(source, commits, (*breaks, *_gaps(source, commits, after)))


def _read_entry(log: CommitLog, key: str) -> tuple[Commit | None, str]:
    name = key.rpartition("/")[2]
    if not _ENTRY_NAME.match(name) or key.count("/") != layout.log_key(log.source, 1).count("/"):
        return None, "this is no entry of a log: move it out of the lake"
    number = int(name.removesuffix(".json"))
    try:
        commit = log.read(number)
    except StorageError as error:
        return None, error.message
    if commit.n != number or commit.source != log.source:
        return None, f"it holds entry {commit.n} of source {commit.source!r}"
    return commit, ""


def _gaps(source: str, commits: tuple[Commit, ...], after: int) -> list[tuple[str, str]]:
    found = []
    if commits and commits[0].n != after + 1:
        found.append((layout.log_key(source, after + 1), f"the log begins with entry {commits[0].n}"))
    if commits and commits[0].n == 1 and commits[0].parent:
        found.append((layout.log_key(source, 1), "the first entry has a parent"))
    for before, following in pairwise(commits):
        key = layout.log_key(source, before.n + 1)
        if following.n != before.n + 1:
            found.append((key, f"entry {following.n} follows entry {before.n}"))
        elif following.parent != before.id:
            found.append((key, f"its parent is not entry {before.n}"))
    return found


def _to_chain(source: str, commits: tuple[Commit, ...], breaks: tuple[tuple[str, str], ...]) -> LogChain:
    removed = {key: commit.n for commit in commits for key in commit.remove}
    live = tuple(file for commit in commits for file in commit.files if file.key not in removed)
    in_force = commits[-1].schemas.items() if commits else ()
    schemas = frozenset({*in_force, *((file.stream, file.schema) for file in live if file.schema)})
    return LogChain(source, commits, breaks, live, removed, schemas)
