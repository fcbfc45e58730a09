"""A world in which time passes as fast as the scheduler waits, and commands do what the test says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lake.errors import Stopped
from lake.project import Project
from lake.schedule.children import Ended, Signalled
from lake.schedule.loop import Scheduler, Watch
from lake.schedule.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lake.schedule.arrivals import Found
    from lake.schedule.children import Happening
    from lake.schedule.entries import Entry
    from target_datalake.commits import Commit

START = datetime(2025, 1, 1, 12, tzinfo=UTC)


@dataclass
class FakeLook:
    """What the entries see: a test puts it here."""

    found: dict[str, Found] = field(default_factory=dict)
    commits: dict[str, list[Commit]] = field(default_factory=dict)

    def files(self, pattern: str) -> Mapping[str, Found]:
        return self.found

    def logs(self) -> Mapping[str, Sequence[Commit]]:
        return self.commits


@dataclass
class FakeWorld:
    """Each command takes `takes` seconds and ends with the next of `codes`, then with 0."""

    time: datetime = START
    ends: datetime = START + timedelta(days=1)
    takes: float = 1.0
    codes: deque[int] = field(default_factory=deque)
    started: list[tuple[datetime, str, tuple[str, ...], dict[str, str]]] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    running: list[tuple[datetime, Ended]] = field(default_factory=list)
    stubborn: bool = False
    waits: int = 0

    def now(self) -> datetime:
        return self.time

    def start(self, job: str, arguments: Sequence[str], environment: Mapping[str, str], *, silent: bool) -> None:
        code = self.codes.popleft() if self.codes else 0
        if code < 0:
            raise OSError(11, "Resource temporarily unavailable")
        self.started.append((self.time, job, tuple(arguments), dict(environment)))
        crashed = code > 128
        self.running.append((self.time + timedelta(seconds=self.takes), Ended(job, code, crashed)))

    def wait(self, seconds: float | None) -> Happening | None:
        assert seconds is not None
        assert seconds > 0, "it must not spin"
        self.waits += 1
        until = self.time + timedelta(seconds=seconds)
        until = until if self.signals else min(until, max(self.ends, self.time))
        if self.running and min(self.running, key=_when)[0] <= until:
            first = min(self.running, key=_when)
            self.running.remove(first)
            self.time = first[0]
            return first[1]
        self.time = until
        return Signalled(15) if self.time >= self.ends and not self.signals else None

    def signal_all(self, number: int) -> None:
        self.signals.append(number)
        if not self.stubborn:
            self.running = [(self.time, Ended(end.job, 128 + number)) for _, end in self.running]

    def jobs(self) -> list[str]:
        return [job for _, job, _, _ in self.started]

    def times(self) -> list[str]:
        return [f"{time:%m-%d %H:%M:%S}" for time, *_ in self.started]


@dataclass
class Play:
    """A schedule, its world, and all that it says."""

    config: Path
    entries: list[Entry]
    world: FakeWorld = field(default_factory=FakeWorld)
    look: FakeLook = field(default_factory=FakeLook)
    memory: Memory = field(default_factory=Memory)
    said: list[str] = field(default_factory=list)
    failures: list[tuple[str, int]] = field(default_factory=list)
    save: Callable[[Memory], None] | None = None

    def run(self, hours: float = 24, *, once: bool = False) -> int:
        """Run for some hours, or once; what is remembered stays for the next run."""
        self.world.ends, self.world.signals = self.world.time + timedelta(hours=hours), []
        project = Project(self.config, "shop", "lake", self.config.parent / "catalog.json")
        watch = Watch("shop", project, self.entries, self.look, self.memory, self.save or (lambda _memory: None))
        scheduler = Scheduler([watch], self.world, self.said.append, self._failed, once=once)
        try:
            return scheduler.run()
        except Stopped as order:
            return 128 + order.number
        finally:
            self.memory = watch.memory
            self.world.running = []

    def _failed(self, job: object, end: Ended) -> None:
        self.failures.append((end.job, end.code))


def _when(item: tuple[datetime, Ended]) -> datetime:
    return item[0]
