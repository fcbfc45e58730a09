"""An entry, its memory and a look at the world become what is due now."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from lake.schedule.arrivals import observe, take, whole
from lake.schedule.cron import Cron
from lake.schedule.entries import CommitTrigger, FileTrigger
from lake.schedule.log_watch import has_news, heads
from lake.schedule.memory import EntryMemory
from lake.text import to_minute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.schedule.arrivals import Found
    from lake.schedule.entries import Trigger
    from target_datalake.commits import Commit

MAX_FILES_BYTES = 64 << 10
"""So long may the list of files grow that one job is told of: an environment variable holds 128 KiB."""

_CLOCK_SET_BACK_SECONDS = 3600.0
"""A memory of a time so far in the future was made by a clock that was wrong."""


class Look(Protocol):
    """What an entry may look at."""

    def files(self, pattern: str) -> Mapping[str, Found]:
        """Return the files that match a pattern."""
        ...

    def logs(self) -> Mapping[str, Sequence[Commit]]:
        """Return the log of each source of the lake."""
        ...


@dataclass(frozen=True)
class Due:
    """Something to do now.

    Attributes:
        why: In words.
        done: The entry's memory once it is done.
        environment: What the job is told.
    """

    why: str
    done: EntryMemory
    environment: dict[str, str] = field(default_factory=dict)


def look_for_due(
    trigger: Trigger, memory: EntryMemory | None, now: datetime, look: Look
) -> tuple[EntryMemory, Due | None]:
    """Return what is remembered after this look, and what is due, if anything.

    The first look at an entry takes note of the time and of the commits that are there: only what comes later counts.
    Files that are there have arrived.

    Raises:
        TargetError: A bucket or the lake cannot be read.
    """
    if memory is None or memory.trigger != str(trigger):
        logs = heads(look.logs()) if isinstance(trigger, CommitTrigger) else None
        memory = EntryMemory(trigger=str(trigger), since=now.timestamp(), commits=logs)
    if isinstance(trigger, Cron):
        return _look_at_clock(trigger, memory, now)
    if isinstance(trigger, FileTrigger):
        return _look_at_files(trigger, memory, now.timestamp(), look)
    return _look_at_logs(trigger, memory, look)


def pass_over(memory: EntryMemory, now: datetime) -> EntryMemory:
    """Return the memory in which whatever a cron expression made due up to now counts as done."""
    return msgspec.structs.replace(memory, since=now.timestamp())


def next_due(trigger: Trigger, memory: EntryMemory) -> datetime | None:
    """Return when an entry is due next; None for an event."""
    return trigger.next_after(to_time(memory.since)) if isinstance(trigger, Cron) else None


def to_time(seconds: float) -> datetime:
    """Return a moment from epoch seconds, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _look_at_clock(trigger: Cron, memory: EntryMemory, now: datetime) -> tuple[EntryMemory, Due | None]:
    if memory.since > now.timestamp() + _CLOCK_SET_BACK_SECONDS:
        memory = pass_over(memory, now)
    due = next_due(trigger, memory)
    if due is None or due > now:
        return memory, None
    return memory, Due(f"due since {to_minute(due)}", pass_over(memory, now))


def _look_at_files(trigger: FileTrigger, memory: EntryMemory, now: float, look: Look) -> tuple[EntryMemory, Due | None]:
    files = observe(memory.files, look.files(trigger.pattern), now)
    memory = msgspec.structs.replace(memory, files=files)
    arrived = _first(whole(files, now))
    if not arrived:
        return memory, None
    done = msgspec.structs.replace(memory, files=take(files, arrived))
    more = f" and {len(arrived) - 1} more" if len(arrived) > 1 else ""
    return memory, Due(f"{arrived[0]}{more} arrived", done, {"LAKE_FILES": json.dumps(arrived)})


def _look_at_logs(trigger: CommitTrigger, memory: EntryMemory, look: Look) -> tuple[EntryMemory, Due | None]:
    logs = look.logs()
    done = msgspec.structs.replace(memory, commits=heads(logs))
    if not has_news(logs, trigger.dataset, memory.commits or {}):
        return done, None
    return memory, Due(f"{trigger.dataset} has new rows", done)


def _first(paths: Sequence[str]) -> list[str]:
    """Return as many files as one job can be told of, at least one."""
    chosen, size = list(paths[:1]), len(json.dumps(paths[:1]))
    for path in paths[1:]:
        size += len(json.dumps(path)) + 2
        if size > MAX_FILES_BYTES:
            break
        chosen.append(path)
    return chosen
