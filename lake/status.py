"""A lake becomes the state of its sources: the last run of each, and how far it has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lake.bookmarks import oldest_bookmark
from lake.freshness import DatasetStatus, Expectation, expect, read_datasets, with_build
from lake.history import History, decode_name, read_zone_histories
from lake.runs import latest_runs
from lake.text import to_age, to_bytes, to_minute, to_table
from lake.usage import Usage, measure_usage
from target_datalake import layout
from target_datalake.commit_log import CommitLog, read_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.runs import RunRecord
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

_HEADER = (
    "source",
    "last run",
    "outcome",
    "seconds",
    "landed",
    "rejected",
    "commit",
    "bookmark",
    "data",
    "rejects",
    "log",
)
_RIGHT = ("seconds", "landed", "rejected", "commit", "bookmark", "data", "rejects", "log")


BUILT = "built"
"""The outcome of a zone above landing: its datasets are made by builds, each for itself."""


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a source stands.

    Attributes:
        source: Its name; ``@clean`` or ``@business`` for what builds made.
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
        usage: What it takes up, in bytes.
        datasets: How each of its datasets stands, and those that are expected of it and never landed.
        next_due: When a schedule starts something of it next, RFC 3339, UTC; None where no schedule was asked about.
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
    usage: Usage = Usage()
    datasets: tuple[DatasetStatus, ...] = ()
    next_due: str | None = None

    @property
    def stale(self) -> list[DatasetStatus]:
        """Return the datasets that are older than they may be."""
        return [dataset for dataset in self.datasets if dataset.stale]


def read_status(storage: Storage, now: datetime, expectations: Sequence[Expectation] = ()) -> list[SourceStatus]:
    """Return the status of each source in a lake, by name, then of each zone that has builds. Raises StorageError.

    Args:
        storage: The lake.
        now: The time, UTC.
        expectations: What the configurations that were named expect; a source of theirs that never ran is there too.
    """
    runs = latest_runs(storage)
    expected = {each.source: each for each in expectations}
    ran = {source for source in runs if layout.split_owner(source)[0] == "landing"}
    sources = {decode_name(name) for name in read_sources(storage)} | ran | set(expected)
    commits = {source: History(storage, source).commits() for source in sorted(sources)}
    landed = {source: read_datasets(source, each, now) for source, each in commits.items()}
    datasets = expect(landed | _read_zones(storage, runs, now), expectations)
    zones = [f"@{zone}" for zone in layout.ZONES if datasets.get(f"@{zone}")]
    statuses = [
        msgspec.structs.replace(
            _read_source(storage, source, commits[source], runs.get(source), now),
            datasets=tuple(datasets[source]),
            next_due=_next_due(expected.get(source)),
        )
        for source in commits
    ]
    return statuses + [SourceStatus(source=zone, outcome=BUILT, datasets=tuple(datasets[zone])) for zone in zones]


def to_status_table(statuses: Sequence[SourceStatus], *, terminal: bool) -> str:
    """Return the sources as a table, without the zones, which have no run."""
    statuses = [status for status in statuses if status.outcome != BUILT]
    if not statuses:
        return "No source has landed anything yet."
    header, rows = list(_HEADER), [list(_row(status)) for status in statuses]
    if any(status.next_due for status in statuses):
        header.append("next due")
        for row, status in zip(rows, statuses, strict=True):
            row.append(_minute(status.next_due))
    table = to_table(header, rows, right=_RIGHT, terminal=terminal)
    reclaimable = sum(status.usage.reclaimable for status in statuses)
    hint = f"{to_bytes(reclaimable)} belong to old versions of full tables: `lake expire --dry-run` lists what may go."
    return f"{table}\n{hint}" if reclaimable else table


def _read_zones(storage: Storage, runs: Mapping[str, RunRecord], now: datetime) -> dict[str, dict[str, DatasetStatus]]:
    """Return how each dataset of the zones above stands, those too of which there is no more than a failed build."""
    zones: dict[str, dict[str, DatasetStatus]] = {}
    histories = {history.source: history.commits() for history in read_zone_histories(storage)}
    for owner in sorted({*histories, *(source for source in runs if layout.split_owner(source)[0] != "landing")}):
        zone, name = layout.split_owner(owner)
        found = read_datasets(owner, histories.get(owner, ()), now)
        if owner not in histories:
            found = {name: DatasetStatus(dataset=layout.full_name(owner, name))}
        zones.setdefault(f"@{zone}", {}).update(
            {stream: with_build(each, runs.get(owner)) for stream, each in found.items()}
        )
    return zones


def _next_due(expectation: Expectation | None) -> str | None:
    due = expectation.next_due if expectation else None
    return due.isoformat() if due else None


def _read_source(
    storage: Storage, source: str, commits: Sequence[Commit], run: RunRecord | None, now: datetime
) -> SourceStatus:
    usage = measure_usage(storage, source, commits)
    last_run = next((commit for commit in reversed(commits) if commit.purpose == "run"), None)
    known = _known(source, CommitLog(storage, source).head(), usage, now)
    if run is None or (last_run and last_run.run != run.run and _time(last_run.committed_at) > _time(run.ended_at)):
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


def _known(source: str, head: Commit | None, usage: Usage, now: datetime) -> SourceStatus:
    bookmark = oldest_bookmark(head.state) if head else None
    return SourceStatus(
        source=source,
        commit=head.n if head else 0,
        committed_at=head.committed_at if head else None,
        bookmark=bookmark.astimezone(UTC).isoformat() if bookmark else None,
        bookmark_age_seconds=round((now - bookmark).total_seconds(), 3) if bookmark else None,
        usage=usage,
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
        to_bytes(status.usage.live),
        to_bytes(status.usage.rejected),
        to_bytes(status.usage.log),
    )


def _minute(text: str | None) -> str:
    return "-" if text is None else to_minute(_time(text))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
