"""A project becomes its two programs: their command lines, and their start."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Programs:
    """How the two programs are started: with this interpreter, so that no PATH matters.

    `options` are given to both. ``-P`` keeps the working folder off the import path: a file ``json.py`` there must not
    become part of a program.
    """

    tap: Sequence[str] = (sys.executable, "-P", "-m", "tap_rest_api.cli")
    target: Sequence[str] = (sys.executable, "-P", "-m", "target_datalake.cli")
    options: Sequence[str] = ()

    def discover(self, config: Path, catalog: Path | None) -> list[str]:
        """Return the tap's command for discovery; an existing catalog's selections are kept."""
        known = ["--catalog", str(catalog)] if catalog else []
        return [*self.tap, "--config", str(config), "--discover", *known, *self.options]

    def draft(self, arguments: Sequence[str]) -> list[str]:
        """Return the tap's command that finds out about an API and prints all that it found as one object."""
        return [*self.tap, *arguments, "--format", "json", *self.options]

    def sync(self, config: Path, catalog: Path | None, state: Path | None, more: Sequence[str] = ()) -> list[str]:
        """Return the tap's command for a sync; `more` are options of our own tap."""
        chosen = ["--catalog", str(catalog)] if catalog else []
        started = ["--state", str(state)] if state else []
        return [*self.tap, "--config", str(config), *chosen, *started, *more, *self.options]

    def load(self, config: Path, *, parent: int, run: str, lock_fd: int | None, status_fd: int) -> list[str]:
        """Return the target's command."""
        held = [] if lock_fd is None else ["--lock-fd", str(lock_fd)]
        contract = ["--expected-parent", str(parent), "--run-id", run, *held, "--tap-status-fd", str(status_fd)]
        return [*self.target, "--config", str(config), *contract, *self.options]


PROGRAMS = Programs()


def with_log_level(programs: Programs, level: str | None) -> Programs:
    """Return programs that both log at a level; None leaves it to them."""
    return programs if level is None else replace(programs, options=("--log-level", level))


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that SIGINT does not reach before it asks for it.

    A terminal's Ctrl-C goes to every program at once. One that is still importing would answer with a traceback, so it
    begins with SIGINT ignored; we end it with SIGTERM.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # an ignored signal is inherited, a handler is not
    try:
        return subprocess.Popen(command, stdin=options.pop("stdin", subprocess.DEVNULL), **options)  # noqa: S603 - no shell
    finally:
        signal.signal(signal.SIGINT, before)
