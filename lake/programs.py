"""A project becomes its two programs' command lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ForeignProgram:
    """How a Singer tap that is not our own is started.

    Attributes:
        command: The program's path, and its own arguments.
        config: Its configuration, and nobody else's.
        catalog_option: How it is given a catalog.
        folder: Where it works.
    """

    command: Sequence[str]
    config: Path
    catalog_option: str
    folder: Path

    def discover(self) -> list[str]:
        """Return its command for discovery."""
        return [*self.command, "--config", str(self.config), "--discover"]

    def sync(self, catalog: Path | None, state: Path | None) -> list[str]:
        """Return its command for a sync."""
        chosen = [self.catalog_option, str(catalog.absolute())] if catalog else []
        started = ["--state", str(state)] if state else []
        return [*self.command, "--config", str(self.config), *chosen, *started]


@dataclass(frozen=True)
class Programs:
    """How the two programs are started: with this interpreter, so that no PATH matters.

    `options` are given to both, and `metric_seconds` says how often our tap tells how far a stream has come. ``-P``
    keeps the working folder off the import path: a file ``json.py`` there must not become part of a program. `foreign`,
    where there is one, takes the tap's place, and is given no options: every tap has its own.
    """

    tap: Sequence[str] = (sys.executable, "-P", "-m", "tap_rest_api.cli")
    target: Sequence[str] = (sys.executable, "-P", "-m", "target_datalake.cli")
    options: Sequence[str] = ()
    foreign: ForeignProgram | None = None
    metric_seconds: float | None = None

    @property
    def holds_tap_log(self) -> bool:
        """Tell whether the tap's log is shown only if it fails: a foreign one cannot be told to log less."""
        return self.foreign is not None and bool({"warning", "error"}.intersection(self.options))

    @property
    def tap_folder(self) -> Path | None:
        """Return where the tap works; None for the folder that this process works in."""
        return self.foreign.folder if self.foreign else None

    def discover(self, config: Path, catalog: Path | None) -> list[str]:
        """Return the tap's command for discovery; an existing catalog's selections are kept."""
        if self.foreign:
            return self.foreign.discover()
        known = ["--catalog", str(catalog)] if catalog else []
        return [*self.tap, "--config", str(config), "--discover", *known, *self.options]

    def trial(self, config: Path, catalog: Path | None) -> list[str]:
        """Return the tap's command that fetches one page of each stream; its log is JSON, to be read."""
        chosen = ["--catalog", str(catalog)] if catalog else []
        return [*self.tap, "--config", str(config), "--test", *chosen, "--format", "json", "--log-format", "json"]

    def draft(self, arguments: Sequence[str]) -> list[str]:
        """Return the tap's command that finds out about an API and prints all that it found as one object."""
        return [*self.tap, *arguments, "--format", "json", *self.options]

    def sync(self, config: Path, catalog: Path | None, state: Path | None, more: Sequence[str] = ()) -> list[str]:
        """Return the tap's command for a sync; `more` are options of our own tap."""
        if self.foreign:
            return self.foreign.sync(catalog, state)
        chosen = ["--catalog", str(catalog)] if catalog else []
        started = ["--state", str(state)] if state else []
        told = [] if self.metric_seconds is None else ["--metric-seconds", str(self.metric_seconds)]
        return [*self.tap, "--config", str(config), *chosen, *started, *more, *told, *self.options]

    def load(self, config: Path, *, parent: int, run: str, lock_fd: int | None, status_fd: int) -> list[str]:
        """Return the target's command."""
        held = [] if lock_fd is None else ["--lock-fd", str(lock_fd)]
        contract = ["--expected-parent", str(parent), "--run-id", run, *held, "--tap-status-fd", str(status_fd)]
        return [*self.target, "--config", str(config), *contract, *self.options]


PROGRAMS = Programs()


def with_log_level(programs: Programs, level: str | None) -> Programs:
    """Return programs that both log at a level; None leaves it to them."""
    return programs if level is None else replace(programs, options=("--log-level", level))
