"""Two commands become one pipe: the tap's output is the target's input, and the two end together.

The records never pass through this process. It only starts the two, tells the target how the tap ended, hands
signals on, and sees to it that neither outlives the other.

    tap ──stdout──▶ data pipe ──stdin──▶ target
     │                                     ▲
     └─exit code─▶ this process ─▶ status pipe
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import Stopped
from lake.processes import exit_code_of, has_ended, signal_tap, start, start_tap, wait_for_tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

Side = Literal["tap", "target"]

PIPE_BYTES = 1 << 20
"""How much may wait in the data pipe: a page, so that the tap can fetch the next one meanwhile."""

TAP_GRACE_SECONDS = 5.0
"""After the target's end the tap has so long between SIGTERM and SIGKILL."""

STOP_GRACE_SECONDS = 8.0
"""After a signal both have so long; the whole run is over within ten seconds."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_BROKEN_PIPE = 128 + signal.SIGPIPE


@dataclass(frozen=True)
class Ended:
    """One of the two ended; `code` is 128 + n for signal n."""

    side: Side
    code: int


@dataclass(frozen=True)
class Signalled:
    """This process received a signal."""

    number: int


Events = queue.SimpleQueue[Ended | Signalled]
"""What happened, in order. A signal handler may put into it: SimpleQueue is reentrant."""


@dataclass
class PipeEnd:
    """How the two ended: exit codes in the order of their ends, and the first signal we were sent."""

    codes: dict[Side, int] = field(default_factory=dict)
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """Return the code of the side that failed first; 128 + n if signal n told us to stop."""
        if self.signal is not None:
            return 128 + self.signal
        tap, target = self.codes["tap"], self.codes["target"]
        if tap == _BROKEN_PIPE and target:
            return target  # the tap met a closed pipe: the target had failed before
        if next(iter(self.codes)) == "target" and target == 0:
            return tap or 1  # a target that leaves the table early did not land everything
        return next((code for code in self.codes.values() if code), 0)


@contextlib.contextmanager
def signals_as_events() -> Iterator[Events]:
    """Put SIGTERM and SIGINT into a queue instead of letting them end this process.

    Raises:
        Stopped: One arrived that nobody took from the queue.
    """
    events: Events = queue.SimpleQueue()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda received, _frame: events.put(Signalled(received)))
    try:
        yield events
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    while not events.empty():
        event = events.get()
        if isinstance(event, Signalled):
            raise Stopped(event.number)


@dataclass(frozen=True)
class ProgramLogs:
    """Where the stderr of the two programs goes; None is this process's own."""

    tap: BinaryIO | None = None
    target: BinaryIO | None = None


@dataclass(frozen=True)
class TapPlace:
    """Where a tap works, None for this process's folder, and where the two programs log."""

    folder: Path | None = None
    logs: ProgramLogs = ProgramLogs()


HERE = TapPlace()


def run_pipe(
    tap: Sequence[str],
    target: Callable[[int], Sequence[str]],
    *,
    inherited: Sequence[int],
    events: Events,
    place: TapPlace = HERE,
) -> PipeEnd:
    """Run a tap into a target until both have ended.

    Args:
        tap: The tap's command.
        target: Gives the target's command, told the descriptor on which it learns how the tap ended.
        inherited: Descriptors that only the target inherits: the lock, so that it is held as long as either lives.
        events: Where the signals of `signals_as_events` arrive.
        place: Where the tap works.

    Returns:
        How they ended. Neither is left running, nor what the tap started, whatever is raised.

    Raises:
        StartError: One of them cannot be started.
    """
    data_read, data_write = os.pipe()
    status_read, descriptor = os.pipe()
    status = os.fdopen(descriptor, "wb", buffering=0)
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(data_write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    sides: dict[Side, subprocess.Popen[bytes]] = {}
    try:
        try:
            sides["target"] = start(
                target(status_read),
                stdin=data_read,
                stdout=subprocess.DEVNULL,
                stderr=place.logs.target,
                pass_fds=(status_read, *inherited),
            )
            sides["tap"] = start_tap(tap, stdout=data_write, stderr=place.logs.tap, cwd=place.folder)
        finally:
            for descriptor in (data_read, data_write, status_read):
                os.close(descriptor)  # or the one side would never see the other's end
        return _supervise(sides, events, status)
    finally:
        _reap(sides)
        status.close()


def read_output(command: Sequence[str], **options: Any) -> tuple[int, bytes, bytes]:
    """Run a program to its end, and return its exit code, its stdout, and its stderr if `options` pipe that.

    A signal ends it too: it must not go on alone. Raises StartError.
    """
    with start(command, stdout=subprocess.PIPE, **options) as process:
        try:
            output, log = process.communicate()
        except BaseException:
            process.kill()
            raise
    return exit_code_of(process.returncode), output, log or b""


def _supervise(sides: dict[Side, subprocess.Popen[bytes]], events: Events, status: BinaryIO) -> PipeEnd:
    for side, process in sides.items():
        threading.Thread(target=_watch, args=(side, process, events), daemon=True).start()
    end = PipeEnd()
    deadline: float | None = None
    while len(end.codes) < len(sides):
        event = _next_event(events, deadline)
        if event is None:
            _signal_all(sides, signal.SIGKILL)
            deadline = None
        elif isinstance(event, Signalled):
            end.signal = end.signal or event.number
            deadline = deadline or time.monotonic() + STOP_GRACE_SECONDS
            _signal_all(sides, signal.SIGTERM)
        else:
            if event.side == "tap" and event.code and has_ended(sides["target"]):
                # It was first: it has not been told how the tap ended, and a tap fails whose reader is gone.
                end.codes.setdefault("target", exit_code_of(sides["target"].wait()))
            end.codes[event.side] = event.code
            if event.side == "tap":
                if event.code and end.signal is None:
                    signal_tap(sides["tap"], signal.SIGKILL)  # what it left behind would keep the pipe open
                _tell(status, event.code)
            elif "tap" not in end.codes:
                deadline = deadline or time.monotonic() + TAP_GRACE_SECONDS
                _signal_all(sides, signal.SIGTERM)
    return end


def _watch(side: Side, process: subprocess.Popen[bytes], events: Events) -> None:
    events.put(Ended(side, exit_code_of(process.wait()) if side == "target" else wait_for_tap(process.pid)))


def _next_event(events: Events, deadline: float | None) -> Ended | Signalled | None:
    """Wait for what happens next; None when the deadline passed first."""
    timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        return events.get(timeout=timeout)
    except queue.Empty:
        return None


def _tell(status: BinaryIO, code: int) -> None:
    """Tell the target how the tap ended. It may be gone already."""
    with contextlib.suppress(BrokenPipeError):
        status.write(str(code).encode())
    status.close()


def _signal_all(sides: dict[Side, subprocess.Popen[bytes]], number: int) -> None:
    sides["target"].send_signal(number)  # does nothing to one that has ended
    signal_tap(sides["tap"], number)


def _reap(sides: dict[Side, subprocess.Popen[bytes]]) -> None:
    if "tap" in sides:
        signal_tap(sides["tap"], signal.SIGKILL)
        sides["tap"].wait()
    if "target" in sides:
        sides["target"].kill()
        sides["target"].wait()
