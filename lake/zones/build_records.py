"""What became of a dataset in a build becomes a run record, where that is news: it failed, or no longer does."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.runs import RunRecord, StreamTotals, package_versions, runs_of, write_run
from target_datalake.errors import HeldError, TargetError

if TYPE_CHECKING:
    from lake.zones.built import Built
    from lake.zones.definition import Definition
    from target_datalake.storage import Storage


def keep_record(storage: Storage, run: str, definition: Definition, built: Built) -> RunRecord | None:
    """Keep the record of a build that failed, and of the first that did not after one that did; return it.

    The other builds are told by the log, and leave none, so that records do not grow with every look. What another
    build holds has not failed. A lake that refuses the record of a failure changes nothing: it may be what failed.

    Args:
        storage: The lake.
        run: The build's id.
        definition: What was built.
        built: What became of it.
    """
    if built.exit_code == HeldError.exit_code:
        return None
    record = _to_record(run, definition, built)
    with contextlib.suppress(TargetError):
        if record.outcome == "succeeded" and not _failed_before(storage, definition.owner):
            return None
        write_run(storage, record)
    return record


def _failed_before(storage: Storage, owner: str) -> bool:
    last = next(runs_of(storage, owner), None)
    return last is not None and last.outcome == "failed"


def _to_record(run: str, definition: Definition, built: Built) -> RunRecord:
    ended = datetime.now(UTC)
    began = datetime.fromtimestamp(ended.timestamp() - built.seconds, UTC)
    made = built.outcome in {"built", "merged"} and built.version is not None
    totals = StreamTotals(built.rows, built.rows, 0, built.files, built.bytes)
    return RunRecord(
        run=run,
        source=definition.owner,
        started_at=began.isoformat(timespec="milliseconds"),
        ended_at=ended.isoformat(timespec="milliseconds"),
        seconds=built.seconds,
        outcome="failed" if built.outcome == "failed" else "succeeded",
        exit_code=built.exit_code,
        commits=(built.version,) if made and built.version else (),
        error=built.reason if built.outcome == "failed" else "",
        streams={definition.dataset: totals} if made else {},
        versions=package_versions(),
    )
