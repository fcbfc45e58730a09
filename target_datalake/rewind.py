"""The state that a tap was started from becomes an answer: the lake's own, or one it has left behind.

A runner that keeps its own state may bring an older one than the lake holds, after a crash between the commit and the
moment it stored the STATE, or because its user wants records again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.commits import undo
from target_datalake.errors import ConfigError, HeldError

if TYPE_CHECKING:
    from target_datalake.commit_log import CommitLog
    from target_datalake.commits import Commit

logger = logging.getLogger(__name__)


def is_same_progress(head: Commit | None, state: str | None) -> bool:
    """Return whether a STATE says nothing that the log does not hold; which stream is being read is no progress."""
    if state is None:
        return True
    landed = head.state if head and head.state else "{}"
    return landed == state or _to_progress(landed) == _to_progress(state)


def answer_rewind(log: CommitLog, head: Commit | None, state: str | None, on_rewind: str, now_us: int) -> Commit | None:
    """Return the entry that the run's first commit must be preceded by, if the state it was started from is older.

    Args:
        log: The source's log.
        head: Its last entry.
        state: What the tap was started from; None if nobody said.
        on_rewind: ``append``: records may land again; ``replace``: what was committed after that state goes;
            ``fail``.
        now_us: Microseconds since 1970, UTC.

    Raises:
        HeldError: It is another state than the lake's, and `on_rewind` is ``fail``.
        ConfigError: There is nothing exact to put the lake back to.
    """
    if is_same_progress(head, state):
        return None
    if on_rewind == "fail":
        raise HeldError(
            f"the tap was started from another state than the lake holds for source {log.source!r}",
            where='target config, on_rewind: "fail"',
            fix="start it from the lake's state, as `lake run` does",
        )
    if on_rewind == "append" or head is None:
        logger.warning("the tap was started from another state than the lake holds: records may land again")
        return None
    return _to_rewind(log, head, state, now_us)


def _to_rewind(log: CommitLog, head: Commit, state: str | None, now_us: int) -> Commit:
    undone: list[Commit] = []
    before: Commit | None = head
    while before is not None and not is_same_progress(before, state):
        undone.insert(0, before)
        before = _entry_before(log, before)
    if before is None and not is_same_progress(None, state):
        raise _refusal(log, "the tap was started from a state that the lake never held")
    first = undone[0].n
    added = {file.key for commit in undone for file in commit.files}
    if any(key not in added for commit in undone if not commit.void for key in commit.remove):
        raise _refusal(log, f"files from before commit {first} have been merged or removed since")
    logger.warning("the tap was started from an older state: commits %d to %d are replaced", first, head.n)
    return undo(head, undone, before, now_us=now_us, purpose="rewind")


def _entry_before(log: CommitLog, commit: Commit) -> Commit | None:
    """Return the entry before one, passing over what it undid."""
    n = (commit.void or commit.n) - 1
    return log.read(n) if n else None


def _refusal(log: CommitLog, why: str) -> ConfigError:
    return ConfigError(
        f"source {log.source!r} cannot be put back: {why}",
        where='target config, on_rewind: "replace"',
        fix='start the tap from a state of this lake (`lake state`), or set on_rewind to "append"',
    )


def _to_progress(state: str) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(state)
    return {key: item for key, item in value.items() if key != "currently_syncing" and item != {}}
