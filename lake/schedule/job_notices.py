"""The failure of a scheduled job becomes a notice, where the job could not tell of it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.schedule.notify import Notice, load_notifier, tell
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.schedule.children import Ended
    from lake.schedule.loop import Job

_TELLS_ITSELF = frozenset({"run", "build", "status"})


def tell_of_job(job: Job, end: Ended, warn: Callable[[str], None]) -> None:
    """Tell of a command that failed. A run and a build tell of their own end, unless a signal killed them.

    Args:
        job: The job, whose last started command ended.
        end: How.
        warn: Told why nobody could be told.
    """
    command = job.entry.commands[job.next_command - 1][0]
    if command in _TELLS_ITSELF and not end.crashed:
        return
    project = job.watch.project
    how = f"was killed by signal {end.code - 128}" if end.crashed else f"failed with exit code {end.code}"
    notice = Notice(
        event="failure",
        text=f"`lake {command}` of {job.entry.name!r} {how} (source {project.source!r}).",
        lake=project.lake,
        source=project.source,
        exit_code=end.code,
        entry=job.entry.name,
    )
    try:
        notifier = load_notifier(project)
    except (LakeError, TargetError) as error:
        warn(f"Warning: nobody was told that {job.entry.name!r} failed: {error.message}")
        return
    if notifier:
        tell(notifier, notice, warn)
