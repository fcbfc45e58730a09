"""A dataset's history becomes a bar for each run that touched it: rows that landed, records that were rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.snapshot import HistoryEntry

_SOME_RUNS = 4
"""Before so many runs nobody can tell how often they come."""


@dataclass(frozen=True)
class RunBar:
    """What one run did to a dataset.

    Attributes:
        run: Its id.
        purpose: ``run``, or the command that wrote the commits.
        at: When its last commit was made, RFC 3339.
        landed: Rows that landed.
        rejected: Records that did not.
        erased: Rows and rejected records that were erased for good.
    """

    run: str
    purpose: str
    at: str
    landed: int
    rejected: int
    erased: int


def to_run_bars(entries: Sequence[HistoryEntry]) -> list[RunBar]:
    """Return a bar a run, oldest first; the commits of one run stand together in a log."""
    groups = [list(group) for _, group in groupby(entries, key=lambda entry: (entry.run, entry.purpose))]
    return [
        RunBar(
            run=group[-1].run,
            purpose=group[-1].purpose,
            at=group[-1].committed_at,
            landed=sum(entry.landed for entry in group),
            rejected=sum(entry.rejected for entry in group),
            erased=sum(entry.erased for entry in group),
        )
        for group in groups
    ]


def usual_gap_seconds(bars: Sequence[RunBar]) -> int | None:
    """Return how long it usually is from one run to the next, the median; None after too few of them."""
    times = [datetime.fromisoformat(bar.at) for bar in bars if bar.purpose == "run"]
    if len(times) < _SOME_RUNS:
        return None
    return round(median((later - earlier).total_seconds() for earlier, later in pairwise(times)))
