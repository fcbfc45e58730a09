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
    from collections.abc import Callable, Iterator

    from lake.project import Project
    from lake.runs import RunRecord

_BUG = 1


@contextlib.contextmanager
def telling_of(project: Project, warn: Callable[[str], None]) -> Iterator[Callable[[RunRecord], None]]:
    """Give what to call with the run's record; an error on the way is told of by itself, and goes on.

    A source that another run holds is no failure, and neither is a run that a signal stopped.

    Args:
        project: What is run.
        warn: Told why nobody could be told.
    """
    try:
        notifier = load_notifier(project)
    except (LakeError, TargetError) as error:
        warn(f"Warning: nobody will be told how this run ends: {error.message}")
        notifier = None
    if notifier is None:
        yield lambda _record: None
        return
    try:
        yield lambda record: _tell_of_end(project, notifier, record, warn)
    except HeldError:
        raise
    except (LakeError, TargetError) as error:
        _tell_of_error(project, notifier, error.exit_code, error.message, warn)
        raise
    except Exception as error:
        _tell_of_error(project, notifier, _BUG, f"a bug: {type(error).__name__}", warn)
        raise


def _tell_of_end(project: Project, notifier: Notifier, record: RunRecord, warn: Callable[[str], None]) -> None:
    event = _event(project, notifier, record)
    if event:
        rejected = f", {record.rejected:,} rejected" if record.rejected else ""
        what = "runs again" if event == "recovery" else f"failed with exit code {record.exit_code}"
        text = f"Source {record.source!r} {what}: {record.landed:,} records landed{rejected}."
        tell(notifier, _to_notice(project, event, text, record.exit_code, msgspec.to_builtins(record)), warn)


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


def _tell_of_error(project: Project, notifier: Notifier, code: int, message: str, warn: Callable[[str], None]) -> None:
    text = f"Source {project.source!r} failed with exit code {code}: {message}."
    tell(notifier, _to_notice(project, "failure", text, code, None), warn)


def _to_notice(project: Project, event: str, text: str, code: int, run: dict[str, Any] | None) -> Notice:
    return Notice(event=event, text=text, lake=project.lake, source=project.source, exit_code=code, run=run)
