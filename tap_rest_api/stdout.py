"""Turns chunks of whole lines into bytes on standard output; the only place in the program that writes there."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tap_rest_api.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE_SECONDS = 2.0  # for a reader that is slow; one that has stalled must not hold up the end


class Interrupted(BaseException):
    """A signal that ends the run."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


class Stdout:
    """Writes to a file descriptor without a buffer, one chunk after another.

    Args:
        descriptor: Where to.
        end: Ends the process with an exit code, there and then.
    """

    def __init__(self, descriptor: int = 1, end: Callable[[int], object] = os._exit) -> None:
        self._descriptor, self._end = descriptor, end
        self._is_writing = False
        self._signum: int | None = None

    def write(self, chunk: bytes) -> None:
        """Write all of a chunk.

        Raises:
            Interrupted: The reader has gone, as SIGPIPE says it; or a signal came meanwhile, in which case the
                chunk is out nevertheless, unless the reader has stalled.
            OutputError: What stands behind it takes no more; part of the chunk may be out.
        """
        view = memoryview(chunk)
        self._is_writing = True
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except BrokenPipeError:
            raise Interrupted(signal.SIGPIPE) from None
        except OSError as error:
            fix = "free some space where it goes, then run again; a file it went to ends in half a line."
            raise OutputError(f"standard output cannot be written: {error.strerror}", fix=fix) from None
        finally:
            self._is_writing = False
        if self._signum is not None:
            raise Interrupted(self._signum)

    def interrupt(self, signum: int) -> None:
        """End the run, from a signal handler: at once, or after the chunk being written, so that no line is cut.

        Nothing is left to tidy up, and an exception would not do: raised while a finalizer runs, it is lost.
        """
        if self._is_writing and self._signum is None:
            self._signum = signum
            signal.setitimer(signal.ITIMER_REAL, _GRACE_SECONDS)
        else:
            self._end(128 + (self._signum or signum))


def end_on_signals(stdout: Stdout) -> None:
    """Let SIGTERM and SIGINT end the run through `stdout`; a second one, or the alarm, ends it at once."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(signum, lambda number, _: stdout.interrupt(number))
