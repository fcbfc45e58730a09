"""Commands become child processes, and what happens to them becomes a queue of happenings.

Nothing that happens in a child reaches this process but its exit code.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lake.pipe import SIGNALS
from lake.processes import exit_code_of, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LAKE = (sys.executable, "-P", "-m", "lake.cli")
"""How this same `lake` is started: with this interpreter, so that no PATH matters."""


def lake_command() -> list[str]:
    """Return how a person's crontab starts this same `lake`: the installed command where there is one."""
    installed = Path(sys.executable).parent / "lake"
    return [str(installed)] if installed.exists() else list(LAKE)


@dataclass(frozen=True)
class Ended:
    """A job's command ended; `code` is 128 + n for signal n, and `crashed` says that a signal it was."""

    job: str
    code: int
    crashed: bool = False


@dataclass(frozen=True)
class Signalled:
    """This process received a signal."""

    number: int


Happening = Ended | Signalled


class World(Protocol):
    """What a scheduler needs of the world; a test has one in which a year passes at once."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        ...

    def start(self, job: str, arguments: Sequence[str], environment: Mapping[str, str], *, silent: bool) -> None:
        """Start a command of `lake`, whose end will be told. Raises OSError if the system refuses."""
        ...

    def wait(self, seconds: float | None) -> Happening | None:
        """Wait for what happens next; None when the time passed first."""
        ...

    def signal_all(self, number: int) -> None:
        """Send a signal to every job that runs."""
        ...


@dataclass
class RealWorld:
    """Real processes and the machine's clock. Make it with `real_world`."""

    command: Sequence[str]
    _happenings: queue.SimpleQueue[Happening] = field(default_factory=queue.SimpleQueue)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def start(self, job: str, arguments: Sequence[str], environment: Mapping[str, str], *, silent: bool) -> None:
        """Start a command; what it prints goes to our stderr, where the other messages are."""
        output: Any = subprocess.DEVNULL if silent else sys.stderr.fileno()
        process = start([*self.command, *arguments], stdout=output, env={**os.environ, **environment})
        self._processes[job] = process
        threading.Thread(target=self._watch, args=(job, process), daemon=True).start()

    def wait(self, seconds: float | None) -> Happening | None:
        """Wait for what happens next."""
        try:
            happening = self._happenings.get(timeout=None if seconds is None else max(seconds, 0.0))
        except queue.Empty:
            return None
        if isinstance(happening, Ended):
            self._processes.pop(happening.job, None)
        return happening

    def signal_all(self, number: int) -> None:
        """Send a signal to every job that runs."""
        for process in list(self._processes.values()):
            process.send_signal(number)  # does nothing to one that has ended

    def tell(self, number: int) -> None:
        """Put a signal into the queue; safe in a signal handler, since SimpleQueue is reentrant."""
        self._happenings.put(Signalled(number))

    def end_all(self, grace_seconds: float) -> None:
        """Leave no job behind, whatever happened here."""
        self.signal_all(signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        for process in list(self._processes.values()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait()

    def _watch(self, job: str, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self._happenings.put(Ended(job, exit_code_of(code), crashed=code < 0))


@contextlib.contextmanager
def real_world(grace_seconds: float) -> Iterator[RealWorld]:
    """Give a world in which SIGTERM and SIGINT are happenings. No job outlives it, unless this process is killed."""
    world = RealWorld(LAKE)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda received, _frame: world.tell(received))
    try:
        yield world
    finally:
        world.end_all(grace_seconds)
        for number, handler in before.items():
            signal.signal(number, handler)
