"""The end of a build becomes notices, if somebody wants to know: of what failed, and of what no longer does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from lake.schedule.notify import Notice
from lake.schedule.run_notices import telling
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lake.project import Project
    from lake.runs import RunRecord


@contextlib.contextmanager
def telling_of_build(project: Project, warn: Callable[[str], None]) -> Iterator[Callable[[Sequence[RunRecord]], None]]:
    """Give what to call with the records of a build; an error on the way is told of by itself, and goes on.

    Args:
        project: Whose zones are built.
        warn: Told why nobody could be told.
    """
    with telling(project, warn, f"The build of source {project.source!r}", "build") as send:
        yield lambda records: send(lambda _notifier: _to_notices(project, records))


def _to_notices(project: Project, records: Sequence[RunRecord]) -> Iterator[Notice]:
    """Yield one notice of all that failed, and one of all that are built again, each where there is any."""
    failed = [record for record in records if record.outcome == "failed"]
    if failed:
        first = failed[0]
        text = f"`lake build` failed with exit code {first.exit_code}: {_names(failed)}. {first.error}."
        yield _to_notice(project, "failure", text, failed)
    healed = [record for record in records if record.outcome == "succeeded"]
    if healed:
        yield _to_notice(project, "recovery", f"`lake build` succeeds again: {_names(healed)}.", healed)


def _to_notice(project: Project, event: str, text: str, records: Sequence[RunRecord]) -> Notice:
    return Notice(
        event=event,
        text=text,
        lake=project.lake,
        source=project.source,
        exit_code=records[0].exit_code,
        datasets=tuple(_to_facts(record) for record in records),
    )


def _to_facts(record: RunRecord) -> dict[str, Any]:
    facts = {"dataset": _name(record), "outcome": record.outcome, "error": record.error, "exit_code": record.exit_code}
    return {**facts, "run": record.run, "ended_at": record.ended_at}


def _names(records: Sequence[RunRecord]) -> str:
    return ", ".join(_name(record) for record in records)


def _name(record: RunRecord) -> str:
    _, dataset = layout.split_owner(record.source)
    return layout.full_name(record.source, dataset)
