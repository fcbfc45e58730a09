"""The end of a run becomes a notice, if somebody wants to know."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from lake.errors import LakeError
from lake.runs import runs_of
from lake.schedule.notify import Notice, Notifier, load_notifier, tell
from target_datalake.errors import HeldError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lake.project import Project
    from lake.runs import RunRecord

    Send = Callable[[Callable[[Notifier], Iterable[Notice]]], None]

_BUG = 1


@contextlib.contextmanager
def telling_of(project: Project, warn: Callable[[str], None]) -> Iterator[Callable[[RunRecord], None]]:
    """Give what to call with the run's record; an error on the way is told of by itself, and goes on.

    A source that another run holds is no failure, and neither is a run that a signal stopped.

    Args:
        project: What is run.
        warn: Told why nobody could be told.
    """
    with telling(project, warn, f"Source {project.source!r}", "run") as send:
        yield lambda record: send(lambda notifier: _to_notices(project, notifier, record))


@contextlib.contextmanager
def telling(project: Project, warn: Callable[[str], None], subject: str, what: str) -> Iterator[Send]:
    """Give what sends notices, which are made only if somebody wants to know; an error on the way makes one by itself.

    Args:
        project: Whose configuration says who wants to know.
        warn: Told why nobody could be told.
        subject: What fails where an error ends it, at the start of a sentence.
        what: What ends: ``run`` or ``build``.
    """
    try:
        notifier = load_notifier(project)
    except (LakeError, TargetError) as error:
        warn(f"Warning: nobody will be told how this {what} ends: {error.message}")
        notifier = None
    if notifier is None:
        yield lambda _make: None
        return

    def send(make: Callable[[Notifier], Iterable[Notice]]) -> None:
        for notice in make(notifier):
            tell(notifier, notice, warn)

    try:
        yield send
    except HeldError:
        raise
    except (LakeError, TargetError) as error:
        _tell_of_error(project, notifier, error.exit_code, f"{subject} failed", error.message, warn)
        raise
    except Exception as error:
        _tell_of_error(project, notifier, _BUG, f"{subject} failed", f"a bug: {type(error).__name__}", warn)
        raise


def _to_notices(project: Project, notifier: Notifier, record: RunRecord) -> list[Notice]:
    event = _event(project, notifier, record)
    if not event:
        return []
    rejected = f", {record.rejected:,} rejected" if record.rejected else ""
    what = "runs again" if event == "recovery" else f"failed with exit code {record.exit_code}"
    text = f"Source {record.source!r} {what}: {record.landed:,} records landed{rejected}."
    return [_to_notice(project, event, text, record.exit_code, msgspec.to_builtins(record))]


def _event(project: Project, notifier: Notifier, record: RunRecord) -> str:
    if record.outcome == "failed":
        return "" if record.exit_code == HeldError.exit_code else "failure"
    if record.outcome == "succeeded" and "recovery" in notifier.on and _failed_before(project, record):
        return "recovery"
    return ""


def _failed_before(project: Project, record: RunRecord) -> bool:
    """Tell whether the run before this one failed, without those that a signal stopped."""
    try:
        before = (run for run in runs_of(project.storage(), record.source) if run.run < record.run)
        last = next((run for run in before if run.outcome != "stopped"), None)
    except TargetError:
        return False  # nothing but this message depends on it
    return last is not None and last.outcome == "failed"


def _tell_of_error(
    project: Project, notifier: Notifier, code: int, what: str, message: str, warn: Callable[[str], None]
) -> None:
    text = f"{what} with exit code {code}: {message}."
    tell(notifier, _to_notice(project, "failure", text, code, None), warn)


def _to_notice(project: Project, event: str, text: str, code: int, run: dict[str, Any] | None) -> Notice:
    return Notice(event=event, text=text, lake=project.lake, source=project.source, exit_code=code, run=run)
