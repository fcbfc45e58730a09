"""A step of the commit protocol becomes a crash, or an I/O error, where a test asked for one.

The environment says where: ``LAKE_FAIL_AT=step@hit:action``. The `hit`-th time (from 1) that the step is reached,
``kill``, ``term`` and ``int`` send the process that signal, ``enospc`` and ``eio`` raise that OSError.
``LAKE_FAIL_TRACE=file`` appends the name of each step as it is reached. With neither, `reach` is an empty function.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (
    "recover.begin", "recover.published", "recover.undone", "recover.swept",
    "stage.open", "stage.write", "stage.finish", "stage.finished",
    "commit.begin", "commit.written", "commit.linked", "commit.done",
    "publish.begin", "publish.removed", "publish.file", "publish.renamed", "publish.done",
    "emit.begin", "emit.done",
    "checkpoint.begin", "checkpoint.done",
    "build.begin", "build.ran", "build.checked", "build.done",
)  # fmt: skip
"""Every step, in the order of a run."""

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}


def _pass(step: str) -> None:
    """Nothing is armed."""


def arm(spec: str, trace: str) -> Callable[[str], None]:
    """Return what `reach` is to do.

    Args:
        spec: ``step@hit:action``; empty for nothing.
        trace: The file to append reached steps to; empty for none.

    Raises:
        ValueError: There is no such step or action.
    """
    if not spec and not trace:
        return _pass
    step, _, rest = spec.partition("@")
    number, _, action = rest.partition(":")
    if spec and (step not in STEPS or action not in {**_ERRORS, **_SIGNALS}):
        raise ValueError(f"LAKE_FAIL_AT={spec}: there is no such step or action")
    hits: Counter[str] = Counter()

    def reach_armed(reached: str) -> None:
        if trace:
            with open(trace, "a", encoding="ascii") as file:  # noqa: PTH123 - a test's own file, closed at once
                file.write(f"{reached}\n")
        hits[reached] += 1
        if reached == step and hits[step] == int(number):
            _fail(action)

    return reach_armed


def _fail(action: str) -> None:
    if action in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[action])
        return
    raise OSError(_ERRORS[action], os.strerror(_ERRORS[action]))


reach = arm(os.environ.get("LAKE_FAIL_AT", ""), os.environ.get("LAKE_FAIL_TRACE", ""))
"""Called with the name of a step where the protocol has come to it."""
