"""The bookmark of a source: the STATE in its log's head, shown, or set by one more entry of the log."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import msgspec

from lake.errors import UsageError
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.commits import follow
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from pathlib import Path

    from lake.project import Project


class SourceState(msgspec.Struct, frozen=True):
    """How far a source has come.

    Attributes:
        source: Its name.
        commit: The number of the log's head; 0 for an empty log.
        committed_at: When that was committed, RFC 3339, UTC.
        run: The run that wrote it.
        state: The STATE that the next run's tap is started from, as it was written; None before the first.
    """

    source: str
    commit: int
    committed_at: str | None
    run: str | None
    state: msgspec.Raw | None


def read_state(project: Project) -> SourceState:
    """Return the state of a project's source. Raises TargetError."""
    storage = project.storage()
    check_format(storage, write=False)
    head = CommitLog(storage, project.source).head()
    if head is None:
        return SourceState(project.source, 0, None, None, None)
    raw = None if head.state is None else msgspec.Raw(head.state.encode())
    return SourceState(project.source, head.n, head.committed_at, head.run, raw)


def set_state(project: Project, text: str, *, run: str, now_us: int) -> SourceState:
    """Make a STATE the one that the next run begins from: an entry of the log without records.

    Takes the source's lock, and finishes what a crash interrupted first. A crash leaves the old STATE, or the new one.

    Raises:
        HeldError: A run holds the source, or committed meanwhile.
        TargetError: The lake cannot be used.
    """
    storage = project.storage()
    check_format(storage, write=True)
    lock = storage.lock(layout.lock_key(project.source))
    with contextlib.closing(lock) if lock else contextlib.nullcontext():
        log = CommitLog(storage, project.source)
        commit = follow(log.recover(), project.source, now_us=now_us, run=run, purpose="state", state=text)
        log.append(commit)
    return SourceState(project.source, commit.n, commit.committed_at, commit.run, msgspec.Raw(text.encode()))


def load_state(path: Path) -> str:
    """Return the STATE in a file, on one line, its values as they are written there.

    Raises:
        UsageError: It cannot be read, or is no JSON object. What is there must not be replaced by less.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the state: {error.strerror}", where=str(path), fix="check the path") from error
    except (ValueError, RecursionError) as error:
        raise UsageError("the state is not JSON", where=str(path), fix=_FIX) from error
    if not isinstance(value, dict):
        raise UsageError("the state is not a JSON object", where=str(path), fix=_FIX)
    return " ".join(text.strip().splitlines())


_FIX = "it should hold one object, as `lake state` prints it"
