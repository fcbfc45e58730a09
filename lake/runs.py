"""A run becomes a record in the lake: when, how it ended, and what it landed. No secrets, no command lines."""

from __future__ import annotations

import platform
import secrets
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

import msgspec

from target_datalake import layout
from target_datalake.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

RUNS_PREFIX = "_lake/runs"

Outcome = Literal["succeeded", "failed", "stopped"]

_PACKAGES = ("rest-datalake", "pyarrow", "jsonschema-rs", "singer-python", "msgspec")


class StreamTotals(msgspec.Struct, frozen=True):
    """What a run did to one stream's records: received = landed + rejected; `bytes` of the data files."""

    received: int = 0
    landed: int = 0
    rejected: int = 0
    files: int = 0
    bytes: int = 0


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run.

    Attributes:
        run: Its id, which also stands in each of its commits.
        source: The source it read.
        started_at: RFC 3339, UTC.
        ended_at: RFC 3339, UTC.
        seconds: How long it took.
        outcome: ``stopped`` is the end by a signal.
        exit_code: What the run exited with.
        tap: The tap's program, without its folder or arguments; empty in records from before this was kept.
        tap_exit_code: What the tap exited with, 128 + n for signal n; None if it never started.
        target_exit_code: The same of the target.
        parent: The number of the log's head when it began.
        commits: The numbers of its commits, in order.
        error: The message that ended the run before the programs did; empty otherwise.
        streams: What became of each stream's records.
        versions: Of Python and of the packages.
    """

    run: str
    source: str
    started_at: str
    ended_at: str
    seconds: float
    outcome: Outcome
    exit_code: int
    tap: str = ""
    tap_exit_code: int | None = None
    target_exit_code: int | None = None
    parent: int = 0
    commits: tuple[int, ...] = ()
    error: str = ""
    streams: dict[str, StreamTotals] = {}
    versions: dict[str, str] = {}

    @property
    def landed(self) -> int:
        """Return how many records landed, over all streams."""
        return sum(totals.landed for totals in self.streams.values())

    @property
    def rejected(self) -> int:
        """Return how many records were rejected, over all streams."""
        return sum(totals.rejected for totals in self.streams.values())


def new_run_id(now: datetime) -> str:
    """Return a name for a run that begins now (UTC): names sort by time, to the microsecond."""
    return f"{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{secrets.randbelow(16**3):03x}"


def add_totals(commits: Iterable[Commit]) -> dict[str, StreamTotals]:
    """Return what commits did to the records of each of their streams."""
    totals: dict[str, StreamTotals] = {}
    for commit in commits:
        for stream, counts in commit.streams.items():
            files = [file for file in commit.add if file.stream == stream]
            before = totals.get(stream, StreamTotals())
            totals[stream] = StreamTotals(
                received=before.received + counts.received,
                landed=before.landed + counts.landed,
                rejected=before.rejected + counts.rejected,
                files=before.files + len(files),
                bytes=before.bytes + sum(file.bytes for file in files),
            )
    return totals


def write_run(storage: Storage, record: RunRecord) -> None:
    """Keep a run's record, readable by its owner only. A crash leaves all of it, or nothing."""
    storage.put(_run_key(record.source, record.run), msgspec.json.encode(record), private=True)


def latest_runs(storage: Storage) -> dict[str, RunRecord]:
    """Return the record of the run that began last, of each source that has one.

    Raises:
        StorageError: It is damaged.
    """
    keys = {file.key.rpartition("/")[0]: file.key for file in storage.list(RUNS_PREFIX) if file.key.endswith(".json")}
    records = [_read_run(storage, key) for key in keys.values()]  # keys come in order, so the last of a folder stays
    return {record.source: record for record in records}


def runs_of(storage: Storage, source: str) -> Iterator[RunRecord]:
    """Yield the records of a source's runs, the newest first. Raises StorageError where one is damaged."""
    keys = [file.key for file in storage.list(layout.runs_prefix(source)) if file.key.endswith(".json")]
    for key in sorted(keys, reverse=True):
        yield _read_run(storage, key)


def find_run(storage: Storage, source: str, run: str) -> RunRecord | None:
    """Return the record of a run; None if it left none, or it is gone. Raises StorageError if it is damaged."""
    try:
        return _read_run(storage, _run_key(source, run))
    except NotFoundError:
        return None


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide about what lands."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _run_key(source: str, run: str) -> str:
    return f"{layout.runs_prefix(source)}/{run}.json"


def _read_run(storage: Storage, key: str) -> RunRecord:
    try:
        return msgspec.json.decode(storage.read(key), type=RunRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fix = "remove this file: only the display of this run is lost"
        raise StorageError(f"a run record is damaged: {error}", where=f"{storage.uri}/{key}", fix=fix) from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
