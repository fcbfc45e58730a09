"""Schedules become jobs: each entry is looked at, what is due is started, and each end moves the entry's memory on.

One thread, one loop. An entry whose job runs is not looked at, so that it never overlaps itself. A signal ends the
loop: the jobs are told, waited for, and count as not done.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from lake.errors import Stopped
from lake.schedule.children import Ended
from lake.schedule.cron import Cron
from lake.schedule.due import look_for_due, next_due, pass_over
from lake.schedule.memory import Memory
from lake.text import to_minute
from target_datalake.errors import HeldError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from lake.project import Project
    from lake.schedule.children import World
    from lake.schedule.due import Due, Look
    from lake.schedule.entries import Entry
    from lake.schedule.memory import EntryMemory

POLL_SECONDS = 10.0
"""How often events are looked for."""

LONGEST_WAIT_SECONDS = 60.0
"""How often the clock is looked at: a machine that sleeps does not count the time."""

RETRY_SECONDS = 60.0
"""How long an entry is left alone when its source was held, or its job could not be started."""

STOP_GRACE_SECONDS = 20.0
"""How long jobs may take to end once told: a run takes ten seconds at most."""


@dataclass
class Watch:
    """One configuration under watch.

    Attributes:
        title: What its source is called in messages; no other watch has the same.
        project: The configuration.
        entries: Its schedule.
        look: What its entries look at.
        memory: What is remembered of it.
        save: Keeps that. Raises TargetError.
    """

    title: str
    project: Project
    entries: list[Entry]
    look: Look
    memory: Memory
    save: Callable[[Memory], None]


@dataclass
class Job:
    """An entry at work: the commands that are still to come, and what it was started for."""

    watch: Watch
    entry: Entry
    due: Due
    started: datetime
    next_command: int = 0


@dataclass
class Scheduler:
    """The loop over some configurations.

    Attributes:
        watches: The configurations.
        world: Where time passes and commands run.
        notice: Told what happens, a line each.
        failed: Told of each command that failed.
        once: Whether to leave when nothing is due and nothing runs; each entry is then started at most once.
    """

    watches: list[Watch]
    world: World
    notice: Callable[[str], None]
    failed: Callable[[Job, Ended], None]
    once: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)
    left_alone: dict[str, datetime] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0

    def run(self) -> int:
        """Run until a signal comes, or, once, until nothing more is due; return the first failure's exit code.

        Raises:
            Stopped: A signal came; the jobs have ended.
        """
        while True:
            for watch, entry, job in self._idle():
                self._look_at(watch, entry, job)
            if self.once and not self.jobs:
                return self.exit_code
            happening = self.world.wait(self._pause())
            if isinstance(happening, Ended):
                self._go_on(happening)
            elif happening is not None:
                self._stop(happening.number)

    def _idle(self) -> Iterator[tuple[Watch, Entry, str]]:
        now = self.world.now()
        for watch in self.watches:
            for entry in watch.entries:
                job = f"{watch.title}: {entry.name}"
                if job not in self.jobs and self.left_alone.get(job, now) <= now:
                    yield watch, entry, job

    def _look_at(self, watch: Watch, entry: Entry, name: str) -> None:
        now = self.world.now()
        try:
            before = watch.memory.entries.get(entry.name)
            memory, due = look_for_due(entry.trigger, before, now, watch.look)
            if memory != before:
                self._remember(watch, entry, memory)
        except TargetError as error:
            self._complain(name, error)
            return
        self.complaints.pop(name, None)
        if due:
            if not entry.silent:
                self.notice(f"{name}: {due.why}")
            self._start_next(Job(watch, entry, due, now), name)

    def _start_next(self, job: Job, name: str) -> None:
        arguments = job.entry.commands[job.next_command]
        told = {"LAKE_ENTRY": job.entry.name, **job.due.environment}
        try:
            self.world.start(name, arguments, told, silent=job.entry.silent)
        except OSError as error:
            self.notice(f"{name}: cannot start its job, trying again in a minute: {error.strerror}")
            self._leave_alone(name)
            return
        job.next_command += 1
        self.jobs[name] = job

    def _go_on(self, end: Ended) -> None:
        job = self.jobs.pop(end.job)
        if end.code in job.entry.succeeded and job.next_command < len(job.entry.commands):
            self._start_next(job, end.job)
        elif end.code == HeldError.exit_code:
            self._skip(job, end.job)
        else:
            self._finish(job, end)

    def _skip(self, job: Job, name: str) -> None:
        """Let the time pass, or the event wait: whoever holds the source brings what this job would have brought."""
        if isinstance(job.entry.trigger, Cron):
            self.notice(f"{name}: skipped, since another run holds the source")
            self._remember(job.watch, job.entry, pass_over(job.due.done, self.world.now()))
        else:
            self.notice(f"{name}: put off for a minute, since another run holds the source")
        self._leave_alone(name)

    def _finish(self, job: Job, end: Ended) -> None:
        now = self.world.now()
        failed = end.code not in job.entry.succeeded
        if failed or not job.entry.silent:
            outcome = f"failed with exit code {end.code}" if failed else "succeeded"
            self.notice(f"{end.job}: {outcome} after {(now - job.started).total_seconds():.1f} s")
        if (
            isinstance(job.entry.trigger, Cron)
            and (again := job.entry.trigger.next_after(job.started))
            and again <= now
        ):
            self.notice(f"{end.job}: let pass what came due meanwhile, since {to_minute(again)}")
        if failed:
            self.exit_code = self.exit_code or end.code
            self.failed(job, end)
        memory = pass_over(job.due.done, now)
        times = {"started": job.started.timestamp(), "ended": now.timestamp(), "exit_code": end.code}
        self._remember(job.watch, job.entry, msgspec.structs.replace(memory, **times))
        if self.once:
            self._leave_alone(end.job)

    def _remember(self, watch: Watch, entry: Entry, memory: EntryMemory) -> None:
        """Keep an entry's memory; a lake that cannot be written now is told once more at the next change."""
        known = {each.name for each in watch.entries}
        others = {name: each for name, each in watch.memory.entries.items() if name in known}
        watch.memory = Memory({**others, entry.name: memory})
        name = f"{watch.title}: what is remembered cannot be kept"
        try:
            watch.save(watch.memory)
        except TargetError as error:
            self._complain(name, error)
        else:
            self.complaints.pop(name, None)

    def _complain(self, name: str, error: TargetError) -> None:
        """Say what is wrong, once; with `once` the exit code says so too."""
        self.exit_code = self.exit_code or error.exit_code
        if self.complaints.get(name) != error.message:
            self.complaints[name] = error.message
            self.notice(f"{name}: {error.message}")

    def _leave_alone(self, name: str) -> None:
        seconds = 86_400.0 if self.once else RETRY_SECONDS
        self.left_alone[name] = self.world.now() + timedelta(seconds=seconds)

    def _pause(self) -> float:
        """Return how long nothing can become due that is not told of."""
        now = self.world.now()
        waits = [LONGEST_WAIT_SECONDS]
        for watch in self.watches:
            for entry in watch.entries:
                memory = watch.memory.entries.get(entry.name)
                due = next_due(entry.trigger, memory) if memory else None
                if not isinstance(entry.trigger, Cron):
                    waits.append(POLL_SECONDS)
                elif due and due > now:
                    waits.append((due - now).total_seconds())
        return min(waits)

    def _stop(self, number: int) -> None:
        self.notice(f"stopping: {signal.Signals(number).name}")
        self.world.signal_all(signal.SIGTERM)
        deadline = self.world.now() + timedelta(seconds=STOP_GRACE_SECONDS)
        while self.jobs:
            left = (deadline - self.world.now()).total_seconds()
            happening = self.world.wait(left) if left > 0 else None
            if isinstance(happening, Ended):
                self.jobs.pop(happening.job)
            elif happening is None:
                break  # the world's end kills what is left
        raise Stopped(number)
