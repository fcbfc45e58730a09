"""What a schedule has already seen and done, kept in the lake from one start of the scheduler to the next.

It stands in ``_lake/schedule/<source>.json``, so that it is where the data is: a container that is gone takes nothing
with it. An entry's memory moves on only when its job has ended by itself, so what a crash interrupts is due again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from lake.schedule.arrivals import Sighting  # noqa: TC001 - msgspec reads the annotations
from target_datalake import layout
from target_datalake.errors import NotFoundError, StorageError
from target_datalake.lake_format import check_format
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.project import Project
    from target_datalake.storage import Storage

SCHEDULE_PREFIX = "_lake/schedule"


class EntryMemory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is remembered of one entry.

    Attributes:
        trigger: The trigger this is about; when the configuration names another, the memory begins anew.
        since: Of a cron expression: what was due up to here is done, or was let pass. Epoch seconds.
        files: Of files: those that were seen.
        commits: Of commits: the last one that was seen in each source's log.
        started: When its last job began, epoch seconds.
        ended: When that ended.
        exit_code: How.
    """

    trigger: str
    since: float = 0.0
    files: dict[str, Sighting] = {}
    commits: dict[str, int] | None = None
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of a schedule: of each entry, by its name."""

    entries: dict[str, EntryMemory] = {}


@contextlib.contextmanager
def hold_memory(project: Project) -> Iterator[Storage]:
    """Open the lake for a schedule's memory, and keep a second scheduler away where the store has locks.

    Raises:
        HeldError: Another scheduler has this schedule.
        TargetError: The lake cannot be used.
    """
    name = layout.encode_name(project.source)
    storage = open_storage(project.lake, scratch=f"@schedule-{name}", s3=project.s3)
    check_format(storage, write=True)
    lock = storage.lock(f"{layout.LOCK_PREFIX}/@schedule/{name}.lock")
    with contextlib.closing(lock) if lock else contextlib.nullcontext():
        yield storage


def load_memory(storage: Storage, source: str) -> Memory:
    """Return what is remembered; nothing at the first start.

    Raises:
        StorageError: The file is damaged, or cannot be read.
    """
    key = memory_key(source)
    try:
        return msgspec.json.decode(storage.read(key), type=Memory)
    except NotFoundError:
        return Memory()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fix = "remove this file: files that are there start their jobs once more, nothing else is lost"
        raise StorageError("the schedule's memory is damaged", where=f"{storage.uri}/{key}", fix=fix) from error


def save_memory(storage: Storage, source: str, memory: Memory) -> None:
    """Keep a memory. A crash leaves the old one, or the new one."""
    storage.put(memory_key(source), msgspec.json.encode(memory))


def memory_key(source: str) -> str:
    """Return where the memory of a source's schedule stands."""
    return f"{SCHEDULE_PREFIX}/{layout.encode_name(source)}.json"
