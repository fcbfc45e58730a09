"""What a schedule has already seen and done, kept in the lake from one start of the scheduler to the next.

It stands in ``_lake/schedule/<source>/``, so that it is where the data is: a container that is gone takes nothing
with it. An entry's memory moves on only when its job has ended by itself, so what a crash interrupts is due again.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, TypeVar

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


class Told(msgspec.Struct, frozen=True):
    """The datasets of which somebody was told that they are stale."""

    stale: frozenset[str] = frozenset()


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of a schedule: of each entry, by its name."""

    entries: dict[str, EntryMemory] = {}


_T = TypeVar("_T")


def open_memory(project: Project, *, scratch: str = "@status") -> Storage:
    """Open the lake of a project to keep something in it. Raises TargetError."""
    name = f"{scratch}-{layout.encode_name(project.source)}"  # its own, so that a run never sweeps it
    storage = open_storage(project.lake, scratch=name, s3=project.s3)
    check_format(storage, write=True)
    return storage


@contextlib.contextmanager
def hold_memory(project: Project) -> Iterator[Storage]:
    """Open the lake for a schedule's memory, and keep a second scheduler away where the store has locks.

    Raises:
        HeldError: Another scheduler has this schedule.
        TargetError: The lake cannot be used.
    """
    storage = open_memory(project, scratch="@schedule")
    lock = storage.lock(f"{layout.LOCK_PREFIX}/@schedule/{layout.encode_name(project.source)}.lock")
    with contextlib.closing(lock) if lock else contextlib.nullcontext():
        storage.sweep((), lambda _key: False)  # what a killed scheduler was writing
        yield storage


def load_memory(storage: Storage, source: str) -> Memory:
    """Return what is remembered; nothing at the first start. Raises StorageError."""
    return _load(storage, _key(source, "memory"), Memory())


def save_memory(storage: Storage, source: str, memory: Memory) -> None:
    """Keep a memory. A crash leaves the old one, or the new one."""
    _save(storage, _key(source, "memory"), memory)


def load_told(storage: Storage, source: str) -> frozenset[str]:
    """Return the datasets of which somebody was told that they are stale. Raises StorageError."""
    return _load(storage, _key(source, "told"), Told()).stale


def save_told(storage: Storage, source: str, stale: frozenset[str]) -> None:
    """Keep of what somebody was told. A crash leaves the old, or the new."""
    _save(storage, _key(source, "told"), Told(stale))


def _load(storage: Storage, key: str, at_first: _T) -> _T:
    try:
        return msgspec.convert(json.loads(storage.read(key)), type=type(at_first))
    except NotFoundError:
        return at_first
    except (ValueError, RecursionError) as error:  # msgspec's ValidationError is a ValueError too
        fix = "remove this file: what it remembers begins anew, and no data depends on it"
        raise StorageError("the schedule's memory is damaged", where=f"{storage.uri}/{key}", fix=fix) from error


def _save(storage: Storage, key: str, value: object) -> None:
    storage.put(key, json.dumps(msgspec.to_builtins(value)).encode())  # json escapes what a file's name has of no UTF-8


def _key(source: str, what: str) -> str:
    return f"{SCHEDULE_PREFIX}/{layout.encode_name(source)}/{what}.json"
