"""A command becomes its costs, as the operating system accounts for it and the children it waited for."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a run of a command took.

    Attributes:
        wall_seconds: From its start to its end.
        cpu_seconds: User and system time, its children's included.
        peak_mib: The largest single process, in MiB.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def measure(command: Sequence[str], *, stdin: Path | None, cwd: Path) -> Cost:
    """Run a command once, its output thrown away. Raises RuntimeError if it fails."""
    with open(stdin or os.devnull, "rb") as source:  # noqa: PTH123 - a path or the null device
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=cwd)
        errors = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} exited with {process.returncode}:\n{errors.decode(errors='replace')}")
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median_cost(run: Callable[[], Cost], runs: int) -> Cost:
    """Return the median of each cost over a number of runs, after one that is not counted."""
    run()
    costs = [run() for _ in range(runs)]
    return Cost(
        statistics.median(cost.wall_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )
