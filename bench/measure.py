"""A command becomes its costs, as the operating system accounts for it and the children it waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")
_SHOWN_CHARACTERS = 600


class FailedError(Exception):
    """A command did not do what it was measured at."""


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


def measure(
    command: Sequence[str | Path], *, cwd: Path, stdin: Path | None = None, env: Mapping[str, str] | None = None
) -> Cost:
    """Run a command once, its output thrown away. Raises FailedError if it fails."""
    launched = [sys.executable, "-I", "-S", LAUNCHER, *command]
    with open(stdin or os.devnull, "rb") as source:  # noqa: PTH123 - a path or the null device
        done = subprocess.run(
            launched,
            stdin=source,
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**_usual_environment(), **(env or {})},
            check=False,
        )
    wall_seconds, cpu_seconds, peak_kib, code = map(float, done.stdout.split())
    if code:
        raise FailedError(
            f"{' '.join(map(str, command[:4]))} exited with {code:.0f}:\n{done.stderr[-_SHOWN_CHARACTERS:]}"
        )
    return Cost(wall_seconds, cpu_seconds, peak_kib / 1024)


def _usual_environment() -> dict[str, str]:
    """Return this process's environment, in which Python keeps what it compiled, as it does unless told not to."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
