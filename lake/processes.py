"""Programs are started, signalled, and found to have ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from lake.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence


def start_tap(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a tap in a session of its own, so that what it starts can be ended with it. Raises StartError."""
    return start(command, start_new_session=True, **options)


def signal_tap(tap: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a tap, not yet waited for, and to all it started; those that have ended do not mind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(tap.pid, number)


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that SIGINT does not reach before it asks for it.

    A terminal's Ctrl-C goes to every program at once. One that is still importing would answer with a traceback, so it
    begins with SIGINT ignored; we end it with SIGTERM.

    Raises:
        StartError: The system refuses.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # an ignored signal is inherited, a handler is not
    try:
        return subprocess.Popen(command, stdin=options.pop("stdin", subprocess.DEVNULL), **options)  # noqa: S603 - no shell
    except OSError as error:
        fix = "see that it runs in a shell: a script needs a first line, #!…, that names what is there"
        raise StartError(f"{command[0]} cannot be started: {error.strerror}", fix=fix) from error
    finally:
        signal.signal(signal.SIGINT, before)


def exit_code_of(returncode: int) -> int:
    """Return a process's exit code, 128 + n if signal n ended it, as shells do."""
    return returncode if returncode >= 0 else 128 - returncode


def wait_for_tap(pid: int) -> int:
    """Wait for a tap's end and return its exit code; it stays a zombie, whose number goes on to name its group."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if ended is None:
        raise ChildProcessError(pid)  # never: without WNOHANG there is an answer
    return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether a process has ended, though its watcher may not have said so yet."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:  # the watcher has taken it
        return True
