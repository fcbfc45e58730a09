"""A project becomes one run: the source's lock, its log's head, two programs in a pipe, and a record of it all."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.bookmarks import has_bookmarks, without_bookmarks
from lake.errors import LakeError, StartError, Stopped, UsageError
from lake.foreign_tap import with_tap
from lake.held_log import held_log
from lake.pipe import PipeEnd, ProgramLogs, TapPlace, run_pipe, signals_as_events
from lake.private_folder import private_folder, write_private
from lake.project import require_options, require_tap
from lake.run_catalog import RunCatalog
from lake.runs import RunRecord, add_totals, new_run_id, package_versions, write_run
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import TargetError
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lake.pipe import Events
    from lake.programs import Programs
    from lake.project import Project
    from lake.runs import Outcome
    from target_datalake.commits import Commit, StreamCounts
    from target_datalake.storage import Storage

    Screen = Callable[[Callable[[int], Mapping[str, StreamCounts]]], AbstractContextManager[ProgramLogs]]


_SENT_NOTHING = (
    "the tap succeeded, and nothing of it ever landed: see in its log what it read. An old tap takes its catalog by "
    '--properties, and does nothing without: set "catalog_option": "--properties".'
)


@dataclass(frozen=True)
class RunOptions:
    """What the command line says about a run.

    Attributes:
        catalog: The Singer catalog to use instead of the project's.
        streams: Take only these; empty: those the catalog selects.
        full_refresh: Forget the bookmarks of the streams that are taken.
        since: Read again from this date on, and leave the bookmarks where they are.
        until: Read up to this date, without it.
        limit: Only show so many records of each stream.
    """

    catalog: Path | None = None
    streams: tuple[str, ...] = ()
    full_refresh: bool = False
    since: str | None = None
    until: str | None = None
    limit: int | None = None

    def tap_options(self) -> list[str]:
        """Return what our tap is to be told of these."""
        told = {"--from": self.since, "--to": self.until, "--limit": self.limit}
        return [text for name, value in told.items() if value is not None for text in (name, str(value))]


@dataclass(frozen=True)
class Job:
    """A run that holds its source's lock; `lock_fd` is None where the store has no locks.

    What its programs are given beside the configuration stands in `folder`, which is private and goes with the run.
    """

    project: Project
    options: RunOptions
    programs: Programs
    catalog: RunCatalog
    folder: Path
    storage: Storage
    lock_fd: int | None
    run: str
    started: datetime
    started_clock: float
    screen: Screen

    def counts(self, commit: int) -> Mapping[str, StreamCounts]:
        """Return what a commit did to each stream; nothing where it cannot be read, since it is only shown."""
        try:
            return self.log.read(commit).streams
        except TargetError:
            return {}

    @property
    def log(self) -> CommitLog:
        """Return the source's log."""
        return CommitLog(self.storage, self.project.source)


def no_screen(_: Callable[[int], Mapping[str, StreamCounts]]) -> contextlib.nullcontext[ProgramLogs]:
    """Draw nothing: the programs' log lines go where this process's own go."""
    return contextlib.nullcontext(ProgramLogs())


def run_source(
    project: Project,
    options: RunOptions,
    programs: Programs,
    notice: Callable[[str], None],
    screen: Screen = no_screen,
) -> RunRecord:
    """Run a project's tap into its target once, and return the record that is kept in the lake.

    Killed at any moment, it leaves a lake that the next run mends and continues, and two programs that end by
    themselves.

    Args:
        project: What to run.
        options: How.
        programs: How the tap and the target are started.
        notice: Told what a person may want to know on the way.
        screen: Draws the run while it goes on, see `lake.screen.watched`.

    Raises:
        TargetError: The lake cannot be used; HeldError when another run holds the source.
        LakeError: The catalog cannot be used, a program not be started, or an option not be understood.
        Stopped: A signal came before the programs were started.
    """
    require_tap(project)
    require_options(project, options.tap_options())
    catalog = RunCatalog(project, options.catalog, options.streams)
    catalog.check()
    storage = project.storage()
    check_format(storage, write=False)
    lock = storage.lock(
        layout.lock_key(project.source)
    )  # before the head is read, or a run in between would be doubled
    with contextlib.closing(lock) if lock else contextlib.nullcontext(), private_folder() as folder:
        now = datetime.now(UTC)
        lock_fd = lock.fileno() if lock else None
        run, clock = new_run_id(now), time.monotonic()
        job = Job(project, options, programs, catalog, folder, storage, lock_fd, run, now, clock, screen)
        return _run_locked(job, notice)


def _run_locked(job: Job, notice: Callable[[str], None]) -> RunRecord:
    try:
        head = job.log.recover()
        job = replace(job, programs=with_tap(job.programs, job.project.foreign_tap, job.folder))
        job.catalog.ensure(job.programs, notice)
        tap = _tap_command(job, head)
    except (LakeError, TargetError, Stopped) as error:
        _keep_failure(job, error)
        raise
    with signals_as_events() as events:
        try:
            end = _run_pair(job, tap, head.n if head else 0, events)
        except StartError as error:
            _keep_failure(job, error)
            raise
        record = _to_record(job, head.n if head else 0, end)
        _keep(job, record, notice)
    if job.project.foreign_tap and record.outcome == "succeeded" and not job.log.head():
        notice(f"Notice: {_SENT_NOTHING}")
    return record


def _tap_command(job: Job, head: Commit | None) -> list[str]:
    """Return the tap's command, and write the files that it names."""
    catalog = job.catalog.give(job.programs, job.folder)
    state = head.state if head else None
    if state is not None and job.options.full_refresh:
        state = _refreshed(job, state)
    path = None if state is None else write_private(job.folder / "state.json", state)
    return job.programs.sync(job.project.config_path, catalog, path, job.options.tap_options())


def _refreshed(job: Job, state: str) -> str | None:
    """Return a state in which the streams that are taken have no bookmarks; None for no state at all.

    Raises:
        UsageError: A foreign tap's state is not kept by stream, and only some streams are to be read anew.
    """
    taken = job.catalog.taken()
    if taken is not None and (has_bookmarks(state) or job.project.foreign_tap is None):
        return without_bookmarks(state, taken)
    if job.options.streams:
        fix = "leave --stream out to read all streams anew, or set a state with `lake state --set FILE`"
        raise UsageError("the tap does not keep its state by stream", where="--full-refresh --stream", fix=fix)
    return None


def _run_pair(job: Job, tap: list[str], parent: int, events: Events) -> PipeEnd:
    def target(status_fd: int) -> list[str]:
        config = job.project.config_path
        return job.programs.load(config, parent=parent, run=job.run, lock_fd=job.lock_fd, status_fd=status_fd)

    inherited = () if job.lock_fd is None else (job.lock_fd,)
    with held_log(job.folder if job.programs.holds_tap_log else None) as log, job.screen(job.counts) as logs:
        place = TapPlace(job.programs.tap_folder, ProgramLogs(log.file or logs.tap, logs.target))
        end = run_pipe(tap, target, inherited=inherited, events=events, place=place)
        log.show_if(end.codes.get("tap") != 0)
    return end


def _to_record(job: Job, parent: int, end: PipeEnd) -> RunRecord:
    head = job.log.head()
    after = [job.log.read(n) for n in range(parent + 1, (head.n if head else 0) + 1)]
    own = [commit for commit in after if commit.run == job.run]
    return RunRecord(
        run=job.run,
        source=job.project.source,
        started_at=job.started.isoformat(timespec="milliseconds"),
        ended_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - job.started_clock, 3),
        outcome=_outcome(end),
        exit_code=end.exit_code,
        tap=job.project.foreign_tap.name if job.project.foreign_tap else "tap-rest-api",
        tap_exit_code=end.codes.get("tap"),
        target_exit_code=end.codes.get("target"),
        parent=parent,
        commits=tuple(commit.n for commit in own),
        streams=add_totals(own),
        versions=package_versions(),
    )


def _outcome(end: PipeEnd) -> Outcome:
    if end.signal is not None:
        return "stopped"
    return "failed" if end.exit_code else "succeeded"


def _keep(job: Job, record: RunRecord, notice: Callable[[str], None]) -> None:
    """Write the run's record. When the run failed already, a lake that refuses it changes nothing."""
    try:
        write_run(job.storage, record)
    except TargetError as error:
        if not record.exit_code:
            raise
        notice(f"Notice: the record of this run could not be kept: {error.message}")


def _keep_failure(job: Job, error: LakeError | TargetError | Stopped) -> None:
    """Keep the record of a run that ended before its programs were started."""
    stopped = isinstance(error, Stopped)
    record = RunRecord(
        run=job.run,
        source=job.project.source,
        started_at=job.started.isoformat(timespec="milliseconds"),
        ended_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - job.started_clock, 3),
        outcome="stopped" if stopped else "failed",
        exit_code=128 + error.number if isinstance(error, Stopped) else error.exit_code,
        error="" if isinstance(error, Stopped) else error.message,
        versions=package_versions(),
    )
    with contextlib.suppress(TargetError):  # the lake may be what failed; the error itself is on its way
        write_run(job.storage, record)
