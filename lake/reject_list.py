"""A source's rejected records become a list: why, when, by which run, and their text on request.

On it are the records that were kept with their commit, and the sample that a refused run left, one with too many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from lake.history import History, decode_name
from lake.rejects import parse_rejected, read_rejected
from lake.runs import RUNS_PREFIX
from lake.snapshot import rejected_files
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_datalake.storage import Storage

SAMPLE_SUFFIX = ".rejected.jsonl"
"""How the name of a refused run's sample ends; before it stands the run's id."""

_RUN_TIME = re.compile(r"(\d{8}T\d{6})Z")


class RejectedRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that did not land.

    Attributes:
        dataset: The dataset that it was meant for.
        reason: ``schema``, ``value``, ``json``, ``encoding`` or ``size``, see `target_datalake.rows.Reject`.
        errors: What is wrong: ``path``, ``schema_path`` and ``message`` each.
        run: The run that read it.
        commit: The commit that it is part of, or would have been.
        line: Its line number in the run's input.
        at: When it was rejected, RFC 3339, UTC; None where nobody knows.
        refused: It is of the sample of a refused run: the source still has it to give.
        raw: Its text, where it was asked for.
        raw_base64: Its bytes, where they are no UTF-8.
        sha256: The digest of its message, where that was too long to be kept.
        bytes: The size of that message.
    """

    dataset: str
    reason: str
    errors: tuple[dict[str, str], ...] = ()
    run: str = ""
    commit: int = 0
    line: int = 0
    at: str | None = None
    refused: bool = False
    raw: str | None = None
    raw_base64: str | None = None
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Filter:
    """Which rejected records are wanted; a record whose time nobody knows is never too old."""

    stream: str | None = None
    since: datetime | None = None
    reason: str | None = None
    run: str | None = None

    def takes(self, record: RejectedRecord) -> bool:
        """Tell whether a record is wanted; the dataset is chosen before."""
        is_late = self.since is None or record.at is None or datetime.fromisoformat(record.at) >= self.since
        return is_late and self.reason in {None, record.reason} and self.run in {None, record.run}


def read_reject_list(storage: Storage, history: History, wanted: Filter, *, raw: bool) -> Iterator[RejectedRecord]:
    """Yield the rejected records of a source, those of its commits first, in the order in which they came.

    Args:
        storage: The lake.
        history: The source's log.
        wanted: Which of them.
        raw: Give their text too.

    Raises:
        StorageError: A file of them is missing or damaged.
    """
    lines = (*_kept_lines(storage, history, wanted.stream), *_refused_lines(storage, history.source, wanted.stream))
    records = (_to_record(history.source, *line, raw=raw) for line in lines)
    return (record for record in records if wanted.takes(record))


def find_refused(
    storage: Storage, histories: Iterable[History], name: str, wanted: Filter, *, raw: bool
) -> list[RejectedRecord]:
    """Return what was refused of a stream, by its name or its full name, from each source that has it.

    Raises:
        StorageError: A sample is missing or damaged.
    """
    return [
        record
        for history in histories
        for line, at, refused in _refused_lines(storage, history.source, None)
        for record in [_to_record(history.source, line, at, refused, raw=raw)]
        if name in {record.dataset, line.get("stream")} and wanted.takes(record)
    ]


def unlanded_histories(storage: Storage, landed: Iterable[History]) -> list[History]:
    """Return the histories, which are empty, of sources that have run and committed nothing."""
    names = {decode_name(folder) for folder in storage.folders(RUNS_PREFIX) if not folder.startswith("@")}
    return [History(storage, name) for name in sorted(names - {history.source for history in landed})]


def _kept_lines(
    storage: Storage, history: History, stream: str | None
) -> Iterator[tuple[dict[str, Any], str | None, bool]]:
    commits = history.commits()
    times = {commit.n: commit.committed_at for commit in commits}
    for name in sorted({file.stream for commit in commits for file in commit.rejected} if stream is None else {stream}):
        for file in rejected_files(commits, name):
            for line in read_rejected(storage, file.key):
                yield line, times.get(line.get("commit", 0)), False


def _refused_lines(
    storage: Storage, source: str, stream: str | None
) -> Iterator[tuple[dict[str, Any], str | None, bool]]:
    for file in storage.list(layout.runs_prefix(source)):
        if file.key.endswith(SAMPLE_SUFFIX):
            at = run_time(file.key.rpartition("/")[2])
            for line in parse_rejected(storage.read(file.key), f"{storage.uri}/{file.key}"):
                if stream in {None, line.get("stream")}:
                    yield line, at, True


def run_time(name: str) -> str | None:
    """Return when a run began, RFC 3339, by the id that a file's name begins with; None if it does not say."""
    match = _RUN_TIME.match(name)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).isoformat() if match else None


def _to_record(source: str, line: dict[str, Any], at: str | None, refused: bool, *, raw: bool) -> RejectedRecord:  # noqa: FBT001 - the parts of a pair, passed on
    return RejectedRecord(
        dataset=f"landing.{source}.{line.get('stream', '')}",
        reason=str(line.get("reason", "")),
        errors=tuple(line.get("errors") or ()),
        run=str(line.get("run", "")),
        commit=line.get("commit", 0),
        line=line.get("line", 0),
        at=at,
        refused=refused,
        raw=line.get("raw") if raw else None,
        raw_base64=line.get("raw_base64") if raw else None,
        sha256=line.get("sha256"),
        bytes=line.get("bytes"),
    )
