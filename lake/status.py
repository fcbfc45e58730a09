"""A lake becomes the state of its sources: the last run of each, and how far it has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lake.bookmarks import oldest_bookmark
from lake.history import decode_name
from lake.runs import latest_runs
from lake.text import to_age, to_minute, to_table
from target_datalake.commit_log import CommitLog, read_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.runs import RunRecord
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

_HEADER = ("source", "last run", "outcome", "seconds", "landed", "rejected", "commit", "bookmark")
_RIGHT = ("seconds", "landed", "rejected", "commit", "bookmark")


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a source stands.

    Attributes:
        source: Its name.
        run: The id of the run that began last; None where no run left a record.
        started_at: When that was, RFC 3339, UTC.
        outcome: How it ended. ``unrecorded``: what was committed last comes from a run that left no record, since it
            was killed, is going on, or was a plain pipe.
        exit_code: What it exited with.
        seconds: How long it took.
        landed: How many records it landed.
        rejected: How many it rejected.
        commit: The number of the log's head; 0 for an empty log.
        committed_at: When that was committed.
        bookmark: The time up to which every stream that has a time for a bookmark was read.
        bookmark_age_seconds: How long ago that is.
    """

    source: str
    run: str | None = None
    started_at: str | None = None
    outcome: str = "unrecorded"
    exit_code: int | None = None
    seconds: float | None = None
    landed: int | None = None
    rejected: int | None = None
    commit: int = 0
    committed_at: str | None = None
    bookmark: str | None = None
    bookmark_age_seconds: float | None = None


def read_status(storage: Storage, now: datetime) -> list[SourceStatus]:
    """Return the status of each source in a lake, by name. Raises StorageError."""
    runs = latest_runs(storage)
    sources = {decode_name(name) for name in read_sources(storage)} | set(runs)
    return [_status(source, runs.get(source), CommitLog(storage, source).head(), now) for source in sorted(sources)]


def to_status_table(statuses: Sequence[SourceStatus], *, terminal: bool) -> str:
    """Return the sources as a table."""
    if not statuses:
        return "No source has landed anything yet."
    return to_table(_HEADER, [_row(status) for status in statuses], right=_RIGHT, terminal=terminal)


def _status(source: str, run: RunRecord | None, head: Commit | None, now: datetime) -> SourceStatus:
    bookmark = oldest_bookmark(head.state) if head else None
    known = SourceStatus(
        source=source,
        commit=head.n if head else 0,
        committed_at=head.committed_at if head else None,
        bookmark=bookmark.astimezone(UTC).isoformat() if bookmark else None,
        bookmark_age_seconds=round((now - bookmark).total_seconds(), 3) if bookmark else None,
    )
    if run is None or (head and head.run != run.run and _time(head.committed_at) > _time(run.ended_at)):
        return known
    return msgspec.structs.replace(
        known,
        run=run.run,
        started_at=run.started_at,
        outcome=run.outcome,
        exit_code=run.exit_code,
        seconds=run.seconds,
        landed=run.landed,
        rejected=run.rejected,
    )


def _row(status: SourceStatus) -> tuple[str, ...]:
    age = status.bookmark_age_seconds
    return (
        status.source,
        _minute(status.started_at),
        f"{status.outcome} ({status.exit_code})" if status.exit_code else status.outcome,
        "-" if status.seconds is None else f"{status.seconds:.1f}",
        "-" if status.landed is None else f"{status.landed:,}",
        "-" if status.rejected is None else f"{status.rejected:,}",
        str(status.commit),
        "-" if age is None else f"{to_age(age)} old",
    )


def _minute(text: str | None) -> str:
    return "-" if text is None else to_minute(_time(text))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
