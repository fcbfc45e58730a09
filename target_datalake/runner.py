"""What comes from outside while a run goes on: signals, and the runner's word on how the tap ended."""

from __future__ import annotations

import os
import select
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


_LOOK_SECONDS = 0.2
"""How often a wait looks for a signal."""


class StopSignals:
    """SIGTERM and SIGINT make a descriptor readable instead of interrupting a commit; a second one is safe too.

    Attributes:
        caught: The first signal that came; None so far.
        descriptor: Becomes readable when one comes, or on `wake`.
    """

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self.descriptor, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def install(self) -> None:
        """Catch the signals from now on. Main thread only."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._catch)

    def wake(self) -> None:
        """Make the descriptor readable."""
        os.write(self._wake, b"!")

    def is_awake(self) -> bool:
        """Return whether the descriptor is readable."""
        return bool(select.select([self.descriptor], [], [], 0)[0])

    def _catch(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's signature
        if self.caught is None:
            self.caught = signal.Signals(number)
            self.wake()


class TapStatus:
    """How the tap ended, as its runner writes it into a pipe: the exit code in decimal; nothing if the runner died.

    Attributes:
        runner_is_gone: Whether the pipe was closed with nothing in it.
    """

    def __init__(self, descriptor: int, stop: StopSignals) -> None:
        self.runner_is_gone = False
        self._stop = stop
        self._text = b""
        self._thread = threading.Thread(target=self._read, args=(descriptor, stop), daemon=True)
        self._thread.start()

    def succeeded(self) -> bool:
        """Wait for the runner's word, and return whether the tap ended with exit code 0.

        A signal ends the wait: a tap that closed its output and goes on must not keep us.
        """
        while self._thread.is_alive() and self._stop.caught is None:
            self._thread.join(_LOOK_SECONDS)
        return self._text.strip() == b"0"

    def _read(self, descriptor: int, stop: StopSignals) -> None:
        with os.fdopen(descriptor, "rb") as pipe:
            self._text = pipe.read()
        if not self._text:
            self.runner_is_gone = True
            stop.wake()
