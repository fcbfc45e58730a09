"""Projects become watches: what their schedules say, what they remember, and what they look at."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lake.errors import STALE_EXIT_CODE, UsageError
from lake.schedule.arrivals import Buckets, look
from lake.schedule.cron import Cron
from lake.schedule.entries import Entry, load_entries
from lake.schedule.log_watch import LogWatch
from lake.schedule.loop import Watch
from lake.schedule.memory import hold_memory, load_memory, save_memory
from lake.schedule.notify import load_notifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lake.project import Project
    from lake.schedule.arrivals import Found
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

FRESHNESS = "@freshness"
"""The entry that is there whenever somebody is to be told of what is stale. No entry of a configuration has an @."""

_EVERY_TEN_MINUTES = Cron("*/10 * * * *")


@dataclass(frozen=True)
class LakeLook:
    """What the entries of one project may look at."""

    buckets: Buckets
    logs_of_lake: LogWatch

    def files(self, pattern: str) -> Mapping[str, Found]:
        """Return the files that match a pattern; a bucket is opened with the lake's own S3 options."""
        return look(pattern, self.buckets)

    def logs(self) -> Mapping[str, Sequence[Commit]]:
        """Return the log of each source of the lake."""
        return self.logs_of_lake.read()


@contextlib.contextmanager
def open_watches(projects: Sequence[Project]) -> Iterator[list[Watch]]:
    """Open each project's schedule with its memory, which no other scheduler may have meanwhile.

    Raises:
        UsageError: A schedule is wrong, or there is none at all.
        HeldError: Another scheduler has one of them.
        TargetError: A lake cannot be used.
    """
    schedules = load_schedules(projects)
    shared = Counter(project.source for project in projects)
    with contextlib.ExitStack() as stack:
        watches = []
        for project, entries in schedules:
            storage = stack.enter_context(hold_memory(project))
            title = project.source if shared[project.source] == 1 else f"{project.source} in {project.lake}"
            watches.append(_open(title, project, entries, storage))
        yield watches


def load_schedules(projects: Sequence[Project]) -> list[tuple[Project, list[Entry]]]:
    """Return each project with the entries that are to be watched.

    Raises:
        UsageError: One is wrong, or none has any.
    """
    schedules = [(project, load_entries(project)) for project in projects]
    if not any(entries for _, entries in schedules):
        fix = 'add to its "lake" section: "schedule": [{"name": "nightly", "cron": "0 3 * * *", "run": true}]'
        raise UsageError("there is nothing to schedule", where=f"{projects[0].config_path} /lake/schedule", fix=fix)
    return [(project, [*entries, *_freshness_entry(project)]) for project, entries in schedules]


def _freshness_entry(project: Project) -> list[Entry]:
    notifier = load_notifier(project)
    if notifier is None or "stale" not in notifier.on or not project.freshness:
        return []
    command = ("status", "-c", str(project.config_path.absolute()), "--notify")
    return [Entry(FRESHNESS, _EVERY_TEN_MINUTES, (command,), silent=True, succeeded=frozenset({0, STALE_EXIT_CODE}))]


def _open(title: str, project: Project, entries: list[Entry], storage: Storage) -> Watch:
    return Watch(
        title=title,
        project=project,
        entries=entries,
        look=LakeLook(Buckets(project.s3), LogWatch(storage)),
        memory=load_memory(storage, project.source),
        save=partial(save_memory, storage, project.source),
    )
