"""Projects become how their lakes stand, by what they expect of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.catalog import open_lake
from lake.freshness import Expectation
from lake.moments import parse_age
from lake.schedule.cron import Cron
from lake.schedule.entries import load_entries
from lake.status import read_status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lake.project import Project
    from lake.status import SourceStatus


def read_outlook(projects: Sequence[Project], now: datetime) -> list[SourceStatus]:
    """Return the status of each source in each lake that the projects name.

    Raises:
        UsageError: A schedule is wrong.
        NotALakeError: Nothing ever landed in one of the lakes.
        TargetError: A lake cannot be read.
    """
    lakes: dict[tuple[str, str], list[Project]] = {}
    for project in projects:
        lakes.setdefault(project.place[:2], []).append(project)
    return [
        status
        for sharing in lakes.values()
        for status in read_status(
            open_lake(sharing[0].config_path), now, [to_expectation(project, now) for project in sharing]
        )
    ]


def to_expectation(project: Project, now: datetime) -> Expectation:
    """Return what a project expects of its lake. Raises UsageError where its schedule is wrong."""
    triggers = [entry.trigger for entry in load_entries(project)]
    comes = [due for trigger in triggers if isinstance(trigger, Cron) and (due := trigger.next_after(now))]
    freshness = {name: parse_age(age) for name, age in project.freshness.items()}
    return Expectation(project.source, freshness, min(comes, default=None))
