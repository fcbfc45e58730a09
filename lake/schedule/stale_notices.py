"""What has become stale, or is fresh again, becomes a notice: once, however often somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lake.schedule.memory import load_told, open_memory, save_told
from lake.schedule.notify import Notice, load_notifier, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from lake.freshness import DatasetStatus
    from lake.project import Project
    from lake.status import SourceStatus


def tell_of_stale(project: Project, statuses: Sequence[SourceStatus], warn: Callable[[str], None]) -> None:
    """Tell of the datasets that have become stale since this was told last, and of those that are fresh again.

    Who was not reached is told at the next look.

    Args:
        project: Whose expectations they are, and who is told.
        statuses: How its lake stands by them.
        warn: Told why nobody could be told.

    Raises:
        UsageError: The configuration names nobody.
        TargetError: What was told cannot be read or kept.
    """
    notifier = load_notifier(project)
    if notifier is None:
        warn('Notice: nobody is told of what is stale: the configuration has no "notify".')
        return
    judged = {each.dataset: each for status in statuses for each in status.datasets if each.expected_seconds}
    stale = frozenset(name for name, each in judged.items() if each.stale)
    storage = open_memory(project)
    told = load_told(storage, project.source)
    became, healed = stale - told, told - stale
    known = told & stale
    if not became or tell(notifier, _to_notice(project, "stale", became, judged), warn):
        known |= became
    if healed and not tell(notifier, _to_notice(project, "recovery", healed, judged), warn):
        known |= healed
    if known != told:
        save_told(storage, project.source, known)


def _to_notice(project: Project, event: str, names: Collection[str], judged: dict[str, DatasetStatus]) -> Notice:
    concerned = sorted(names)
    verb = {"stale": "stale", "recovery": "fresh again"}[event]
    facts: list[dict[str, Any]] = [
        msgspec.to_builtins(judged[name]) if name in judged else {"dataset": name} for name in concerned
    ]
    return Notice(
        event=event,
        text=f"{verb.capitalize()} in {project.lake}: {', '.join(concerned)}.",
        lake=project.lake,
        source=project.source,
        datasets=tuple(facts),
    )
