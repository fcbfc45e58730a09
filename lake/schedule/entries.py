"""The ``schedule`` of a configuration becomes entries: when, and which commands of `lake` then run."""

from __future__ import annotations

import glob
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError
from lake.schedule.arrivals import WILDCARDS
from lake.schedule.cron import Cron, parse_cron

if TYPE_CHECKING:
    from pathlib import Path

    from lake.project import Project


@dataclass(frozen=True)
class FileTrigger:
    """Due when a whole file arrives: an absolute pattern, or ``s3://bucket/folder/*.csv``."""

    pattern: str

    def __str__(self) -> str:
        return f"file {self.pattern}"


@dataclass(frozen=True)
class CommitTrigger:
    """Due when a commit brings rows of a dataset, which goes by any of its names in the catalog."""

    dataset: str

    def __str__(self) -> str:
        return f"commit {self.dataset}"


Trigger = Cron | FileTrigger | CommitTrigger


@dataclass(frozen=True)
class Entry:
    """One line of a schedule.

    Attributes:
        name: What it is called in messages, and what its memory is kept under.
        trigger: When it is due.
        commands: What runs then, in this order, each only if the one before succeeded: arguments of `lake`.
        silent: Whether it is worth a word only if it fails.
        succeeded: The exit codes that are no failure.
    """

    name: str
    trigger: Trigger
    commands: tuple[tuple[str, ...], ...]
    silent: bool = False
    succeeded: frozenset[int] = frozenset({0})


def load_entries(project: Project) -> list[Entry]:
    """Return the entries of a project's schedule.

    Raises:
        UsageError: One of them has no trigger or no command, or two; or a cron expression that is none.
    """
    where = f"{project.config_path} /lake/schedule"
    entries = [_to_entry(entry, project, f"{where}/{index}") for index, entry in enumerate(project.schedule)]
    name, times = Counter(entry.name for entry in entries).most_common(1)[0] if entries else ("", 0)
    if times > 1:
        raise UsageError(f"{times} entries are named {name!r}", where=where, fix="give each a name of its own")
    return entries


def _to_entry(entry: dict[str, Any], project: Project, where: str) -> Entry:
    trigger = _to_trigger(entry, project, where)
    commands = [_run_command(entry, project.config_path)] if entry.get("run") else []
    commands += [_build_command(entry, project.config_path)] if entry.get("build") else []
    if not commands:
        fix = 'add "run": true for the source, or "build": true for the datasets'
        raise UsageError(f"the entry {entry['name']!r} does nothing", where=where, fix=fix)
    if entry.get("full_refresh") and not entry.get("run"):
        fix = 'add "run": true, or leave it out'
        raise UsageError('"full_refresh" is about a run, and there is none', where=f"{where}/full_refresh", fix=fix)
    if entry.get("run") and not project.has_tap:
        fix = "add the section that says what to read, or only build"
        raise UsageError('"run" needs a "tap" section in this file', where=f"{where}/run", fix=fix)
    return Entry(entry["name"], trigger, tuple(commands))


def _to_trigger(entry: dict[str, Any], project: Project, where: str) -> Trigger:
    if ("cron" in entry) == ("on" in entry):
        fix = 'write "cron": "0 3 * * *", or "on": {"file": …} or {"commit": …}'
        what = "both a cron expression and an event" if "cron" in entry else "neither a cron expression nor an event"
        raise UsageError(f"the entry {entry['name']!r} has {what}", where=where, fix=fix)
    if "cron" in entry:
        return parse_cron(entry["cron"], entry.get("time_zone", "UTC"), where)
    if "time_zone" in entry:
        fix = "leave it out: an event happens when it happens"
        raise UsageError('"time_zone" is about "cron", and there is none', where=f"{where}/time_zone", fix=fix)
    if "commit" in entry["on"]:
        return CommitTrigger(entry["on"]["commit"])
    return FileTrigger(_to_pattern(entry["on"]["file"], project.config_path, f"{where}/on/file"))


def _to_pattern(text: str, config: Path, where: str) -> str:
    if not text.startswith("s3://"):
        return text if text.startswith("/") else f"{glob.escape(str(config.absolute().parent))}/{text}"
    folder = text.removeprefix("s3://").rpartition("/")[0]
    if "/" not in folder or WILDCARDS.intersection("/".join(folder.split("/")[:2])):
        fix = 'write it as "s3://bucket/folder/*.csv"'
        raise UsageError(f"{text!r} names no folder to look in", where=where, fix=fix)
    return text


def _run_command(entry: dict[str, Any], config: Path) -> tuple[str, ...]:
    streams = entry["run"] if isinstance(entry["run"], list) else []
    refresh = ["--full-refresh"] if entry.get("full_refresh") else []
    return ("run", "-c", str(config.absolute()), *refresh, *(text for name in streams for text in ("--stream", name)))


def _build_command(entry: dict[str, Any], config: Path) -> tuple[str, ...]:
    datasets = entry["build"] if isinstance(entry["build"], list) else []
    return ("build", "-c", str(config.absolute()), *(["--", *datasets] if datasets else []))
