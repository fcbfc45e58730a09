"""What a lake no longer needs goes by age: old versions of full tables, old records of runs and their samples.

The active version of a table never goes, nor one that a run has not completed yet, nor a source's last run record. Of a
dataset that is built, the version before the active one stays too, for whoever is reading it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from lake.reject_list import SAMPLE_SUFFIX, run_time
from lake.snapshot import landed_with, superseded_files
from lake.text import to_bytes, to_table
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lake.held_source import HeldSource
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

_HEADER = ("kind", "file", "bytes", "from")


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    """A file that goes.

    Attributes:
        kind: ``version``: rows of an old version of a full table. ``run``: the record of a run. ``sample``: rejected
            records of a run that was refused for having too many.
        key: Where it stands.
        bytes: Its size.
        at: When it landed or began, RFC 3339, UTC.
    """

    kind: Literal["version", "run", "sample"]
    key: str
    bytes: int
    at: str


def plan_expiry(storage: Storage, source: str, commits: Sequence[Commit], before: datetime) -> list[Expired]:
    """Return what of a source is older than a moment and no longer needed; nothing is changed."""
    return [*_old_versions(commits, before), *_old_runs(storage, source, before)]


def expire(held: HeldSource, before: datetime) -> list[Expired]:
    """Remove what is older than a moment, old versions by one commit, and return what that was.

    A crash leaves all old versions, or none once the next run has begun; of the rest, what was not yet removed.
    """
    expired = plan_expiry(held.storage, held.source, held.commits(), before)
    versions = tuple(each.key for each in expired if each.kind == "version")
    if versions:
        held.commit(held.next_commit(), "expire", remove=versions)
    for each in expired:
        if each.kind != "version":
            held.storage.delete(each.key)
    return expired


def to_expiry_table(expired: Sequence[Expired], *, terminal: bool, dry_run: bool) -> str:
    """Return what went, or would go, as text."""
    if not expired:
        return "Nothing is old enough to go."
    rows = [(each.kind, each.key, to_bytes(each.bytes), each.at[:10]) for each in expired]
    size = to_bytes(sum(each.bytes for each in expired))
    said = f"{len(rows):,} files, {size}, {'would go: nothing was changed' if dry_run else 'are gone'}."
    return f"{to_table(_HEADER, rows, right=('bytes',), terminal=terminal)}\n\n{said}"


def _old_versions(commits: Sequence[Commit], before: datetime) -> Iterator[Expired]:
    times = {commit.n: commit.committed_at for commit in commits}
    for stream in sorted(commits[-1].versions) if commits else ():
        old = superseded_files(commits, stream)
        kept = max((n for n, _ in old), default=0) if _is_built(commits) else 0
        for n, file in old:
            if n == kept:
                continue
            at = times[landed_with(n, file)[-1][0]]
            if datetime.fromisoformat(at) < before:
                yield Expired(kind="version", key=file.key, bytes=file.bytes, at=at)


def _is_built(commits: Sequence[Commit]) -> bool:
    return layout.split_owner(commits[-1].source)[0] != "landing"


def _old_runs(storage: Storage, source: str, before: datetime) -> Iterator[Expired]:
    files = list(storage.list(layout.runs_prefix(source)))
    last = max((file.key for file in files if not file.key.endswith(SAMPLE_SUFFIX)), default="")
    for file in files:
        at = run_time(file.key.rpartition("/")[2])  # whose name does not say is kept
        if at is not None and file.key != last and datetime.fromisoformat(at) < before:
            is_sample = file.key.endswith(SAMPLE_SUFFIX)
            yield Expired(kind="sample" if is_sample else "run", key=file.key, bytes=file.bytes, at=at)
