"""A source's commits, and what is expected of them, become how each of its datasets stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from lake.snapshot import summarize
from lake.text import to_age, to_minute, to_table
from target_datalake import layout
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.runs import RunRecord
    from lake.snapshot import StreamFacts
    from target_datalake.commits import Commit

_HEADER = ("dataset", "rows", "rejected", "newest rows", "age", "expected", "state")
_RIGHT = ("rows", "rejected", "age", "expected")


@dataclass(frozen=True)
class Expectation:
    """What a configuration expects of a lake.

    Attributes:
        source: Its own source.
        freshness: How old the newest rows of a dataset may be, by any of its names.
        next_due: When its schedule starts something next.
    """

    source: str
    freshness: dict[str, timedelta] = field(default_factory=dict)
    next_due: datetime | None = None


class DatasetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a dataset stands.

    Attributes:
        dataset: Its full name, as ``landing.shop.orders`` or ``clean.orders``; of one that never landed the name that
            was expected.
        rows: How many a reader sees.
        rejected: How many records were ever rejected.
        run: The run that brought its newest rows.
        landed_at: When that was committed, RFC 3339, UTC.
        age_seconds: How long ago that is.
        expected_seconds: How old it may be; None where nothing is expected.
        stale: Whether it is older, or not there at all.
        outcome: How its last build ended, ``built`` or ``failed``; None of what landed, or was never built.
        error: Why that failed; empty where it did not.
    """

    dataset: str
    rows: int = 0
    rejected: int = 0
    run: str | None = None
    landed_at: str | None = None
    age_seconds: float | None = None
    expected_seconds: float | None = None
    stale: bool = False
    outcome: str | None = None
    error: str = ""


def read_datasets(source: str, commits: Sequence[Commit], now: datetime) -> dict[str, DatasetStatus]:
    """Return how each dataset of a source stands, by its stream; nothing is expected of it yet."""
    newest = _newest_commits(commits)
    return {
        stream: _to_status(source, stream, facts, newest.get(stream), now)
        for stream, facts in sorted(summarize(commits).items())
    }


def expect(
    datasets: Mapping[str, Mapping[str, DatasetStatus]], expectations: Sequence[Expectation]
) -> dict[str, list[DatasetStatus]]:
    """Return the datasets of each source, judged by what is expected; those too that never landed.

    A name means the configuration's own stream first, then that of another source, then a dataset of a zone above.

    Args:
        datasets: What each source has landed, by stream; of a zone above under its name with an @.
        expectations: One a configuration.
    """
    judged = {source: dict(streams) for source, streams in datasets.items()}
    missing: dict[str, list[DatasetStatus]] = {}
    for each in expectations:
        own = judged.setdefault(each.source, {})
        for name, span in each.freshness.items():
            found = _find(name, {each.source: own}) or _find(name, judged)
            for source, stream in found:
                judged[source][stream] = _judge(judged[source][stream], span)
            if not found:
                never = DatasetStatus(dataset=name, expected_seconds=span.total_seconds(), stale=True)
                missing.setdefault(each.source, []).append(never)
    return {source: [*streams.values(), *missing.get(source, ())] for source, streams in judged.items()}


def to_dataset_table(datasets: Sequence[DatasetStatus], *, terminal: bool) -> str:
    """Return datasets as a table, and below it why builds failed."""
    table = to_table(_HEADER, [_row(each) for each in datasets], right=_RIGHT, terminal=terminal)
    failed = [_failure(each) for each in datasets if each.outcome == "failed"]
    return "\n".join([table, *map(escape, failed)])


def _failure(each: DatasetStatus) -> str:
    told = f"{each.dataset}: the last build failed: {each.error.removeprefix(f'{each.dataset}: ')}"
    return told if each.landed_at else f"{told}; if nothing defines it any more: lake drop {each.dataset}"


def _newest_commits(commits: Sequence[Commit]) -> dict[str, Commit]:
    """Return the last commit that brought rows of each stream, or made another version of it the one to read."""
    newest: dict[str, Commit] = {}
    before: Mapping[str, object] = {}
    for commit in commits:
        for stream, counts in commit.streams.items():
            if counts.landed:
                newest[stream] = commit
        for stream, active in commit.versions.items():
            if before.get(stream) != active:
                newest[stream] = commit
        before = commit.versions
    return newest


def _to_status(source: str, stream: str, facts: StreamFacts, newest: Commit | None, now: datetime) -> DatasetStatus:
    age = (now - datetime.fromisoformat(newest.committed_at)).total_seconds() if newest else None
    return DatasetStatus(
        dataset=layout.full_name(source, stream),
        rows=facts.rows,
        rejected=facts.rejected,
        run=newest.run if newest else None,
        landed_at=newest.committed_at if newest else None,
        age_seconds=age,
    )


def _judge(dataset: DatasetStatus, span: timedelta) -> DatasetStatus:
    seconds = span.total_seconds()
    stale = dataset.age_seconds is None or dataset.age_seconds > seconds
    return msgspec.structs.replace(dataset, expected_seconds=seconds, stale=stale)


def _find(name: str, datasets: Mapping[str, Mapping[str, DatasetStatus]]) -> list[tuple[str, str]]:
    """Return what a name means, by source and stream: in the nearest zone that has it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for source, streams in datasets.items():
        zone = source[1:] if source[:1] == "@" and source[1:] in layout.ZONES else "landing"
        for stream, dataset in streams.items():
            if name in {stream, f"{zone}.{stream}", dataset.dataset}:
                found.setdefault(zone, []).append((source, stream))
    return next((found[zone] for zone in ("landing", *layout.ZONES) if zone in found), [])


def with_build(dataset: DatasetStatus, record: RunRecord | None) -> DatasetStatus:
    """Return how a dataset of a zone stands, by the record of a build too: that counts if nothing was built since."""
    if record is not None and record.outcome == "failed" and _is_newer(record.ended_at, dataset.landed_at):
        return msgspec.structs.replace(dataset, outcome="failed", error=record.error)
    return msgspec.structs.replace(dataset, outcome="built" if dataset.landed_at else None)


def _is_newer(moment: str, other: str | None) -> bool:
    return other is None or datetime.fromisoformat(moment) > datetime.fromisoformat(other)


def _row(each: DatasetStatus) -> tuple[str, ...]:
    return (
        each.dataset,
        f"{each.rows:,}",
        f"{each.rejected:,}",
        "never" if each.landed_at is None else to_minute(datetime.fromisoformat(each.landed_at).astimezone(UTC)),
        "-" if each.age_seconds is None else to_age(each.age_seconds),
        "-" if each.expected_seconds is None else to_age(each.expected_seconds),
        _state(each),
    )


def _state(each: DatasetStatus) -> str:
    if each.landed_at is None and each.stale:
        age = "never landed"
    elif each.expected_seconds is None:
        age = ""
    else:
        age = "stale" if each.stale else "fresh"
    states = [age, "build failed" if each.outcome == "failed" else ""]
    return ", ".join(filter(None, states)) or "-"
