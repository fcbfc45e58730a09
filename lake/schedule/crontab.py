"""Entries become lines of a crontab, for who would rather have cron start things."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lake.schedule.cron import Cron

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lake.schedule.entries import Entry

_HEAD = """\
# Written by `lake schedule --crontab`. cron's own environment is bare: if your configuration reads variables, let
# `lake --env-file FILE schedule --crontab` write lines that read them from a file which only you can read."""

_ZONES = """\
# CRON_TZ is read by cronie (Fedora, RHEL, Arch, SUSE). Debian's and Ubuntu's cron ignores it and goes by the
# machine's own zone: there convert the hours, or use a systemd timer."""


def to_crontab(entries: Iterable[Entry], lake: Sequence[str], local_zone: str) -> str:
    """Return the lines of a crontab.

    Args:
        entries: What to run.
        lake: How `lake` is started.
        local_zone: The machine's time zone; empty where nobody knows it. Entries of other zones stand below a CRON_TZ.
    """
    lines: dict[str, list[str]] = {local_zone: []}
    others: list[str] = []
    for entry in entries:
        refused = _refuse(entry)
        if isinstance(entry.trigger, Cron) and not refused:
            written = [f"# {entry.name}", f"{entry.trigger.expression} {_shell(entry, lake)}"]
            lines.setdefault(entry.trigger.zone, []).extend(written)
        else:
            others.append(f"# {entry.name}: {refused}")
    zoned = {zone: found for zone, found in lines.items() if zone != local_zone and found}
    blocks = [[_HEAD], lines[local_zone], [_ZONES] if zoned else []]
    blocks += [[f"CRON_TZ={zone}", *found] for zone, found in sorted(zoned.items())]
    blocks.append(["# Only `lake schedule` runs these:", *others] if others else [])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def find_local_zone(environment: Mapping[str, str], localtime: Path = Path("/etc/localtime")) -> str:
    """Return the name of the machine's time zone, as cron sees it; empty if it cannot be told."""
    if environment.get("TZ"):
        return environment["TZ"].removeprefix(":")
    try:
        target = str(localtime.readlink())
    except OSError:
        return ""
    zone = target.partition("zoneinfo/")[2]
    return "UTC" if zone in {"Etc/UTC", "UCT", "Universal", "Zulu"} else zone


def _refuse(entry: Entry) -> str:
    """Return why a crontab cannot hold an entry; empty if it can."""
    if not isinstance(entry.trigger, Cron):
        return f"on {entry.trigger} is no time"
    if "L" in _days(entry.trigger) or "#" in entry.trigger.expression:
        return f"cron knows no L, LW or #: {entry.trigger.expression}"
    if any("\n" in word or "\r" in word for command in entry.commands for word in command):
        return "a line of a crontab cannot hold a name with a line break"
    return ""


def _days(cron: Cron) -> str:
    """Return the two fields of days, without the names of days, none of which has an L."""
    fields = cron.expression.upper().split()
    return fields[2] + fields[4]


def _shell(entry: Entry, lake: Sequence[str]) -> str:
    commands = [_silenced(shlex.join([*lake, *command]), command[0]) for command in entry.commands]
    return " && ".join(commands).replace("%", r"\%")  # cron makes a line break of a bare %


def _silenced(text: str, command: str) -> str:
    """Return a command that says only what is wrong: cron sends whatever it prints as mail."""
    return f"{text} --quiet" if command in {"run", "build"} else f"{text} > /dev/null"
