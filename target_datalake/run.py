"""A configuration and stdin become one run: lock, recover, read to the end, commit."""

from __future__ import annotations

import gc
import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_datalake import layout
from target_datalake.checkpoints import write_missing
from target_datalake.commit_log import CommitLog
from target_datalake.errors import HeldError, MessageError, NothingLandedError, OutputClosedError, StorageError
from target_datalake.input import read_batches
from target_datalake.lake_format import check_format
from target_datalake.message_reader import MessageReader
from target_datalake.rewind import answer_rewind
from target_datalake.runner import StopSignals, TapStatus
from target_datalake.stores import open_storage
from target_datalake.target import Clocks, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.commits import Commit
    from target_datalake.config import Config

logger = logging.getLogger(__name__)

_STDIN, _STDOUT = 0, 1
_RUNNER_GONE = 143

_GC_THRESHOLD = 500_000
"""Objects that may gather between two searches for cycles: more than a slice of lines makes."""


@dataclass(frozen=True)
class Runner:
    """What a program that starts this target tells it; each may be absent.

    Attributes:
        run_id: The name of the run in the log.
        expected_parent: The number of the log's head when the runner read its STATE; 0 for an empty log.
        lock_fd: A descriptor that holds the source's lock.
        tap_status_fd: A pipe that carries the tap's exit code, see `TapStatus`.
    """

    run_id: str
    expected_parent: int | None = None
    lock_fd: int | None = None
    tap_status_fd: int | None = None


def run_target(config: Config, runner: Runner, state: str | None) -> int:
    """Read messages from stdin to their end, and return the exit code: 0, or 128 + n after signal n.

    Args:
        config: The target's options.
        runner: What the program that started us told us.
        state: The state the tap was started from, a JSON object's text; None if nobody said.

    Raises:
        TargetError: As its class says; the lake holds what was committed before.
    """
    signals = StopSignals()
    signals.install()
    status = None if runner.tap_status_fd is None else TapStatus(runner.tap_status_fd, signals)
    log = _open_log(config)
    with _locked(log, runner.lock_fd):
        head = log.recover()
        _check_parent(log, head, runner.expected_parent)
        clocks = Clocks(lambda: time.time_ns() // 1000, time.monotonic)
        rewind = answer_rewind(log, head, state, config.on_rewind, clocks.now_us())
        _relax_garbage_collection()
        target = Target(log, head, config, runner.run_id, _emit, clocks)
        if rewind is not None:
            target.rewind(rewind)
        reader = MessageReader(clocks.now_us, signals.is_awake)
        target.run(reader.read(read_batches(_STDIN, stop=[signals.descriptor])))
        code = _finish(target, reader, signals, status)
        write_missing(log, target.head.n if target.head else 0)
        if code == 0 and status is not None and target.head is (rewind or head):
            _check_landed(target, status)
        return code


def _finish(target: Target, reader: MessageReader, signals: StopSignals, status: TapStatus | None) -> int:
    stopped = signals.caught is not None or (status is not None and status.runner_is_gone)
    if stopped or reader.torn_line:
        target.finish(tap_succeeded=False)
    else:
        target.finish(tap_succeeded=None if status is None else status.succeeded())
    for stream, counts in target.totals.items():
        logger.info(
            "stream %r: %d records received, %d landed, %d rejected",
            stream, counts.received, counts.landed, counts.rejected,
        )  # fmt: skip
    if signals.caught is not None:
        return 128 + signals.caught
    if status is not None and status.runner_is_gone:  # perhaps it went while its word was waited for
        logger.error("the program that runs this target is gone: what its last STATE covers is committed")
        return _RUNNER_GONE
    if reader.torn_line:
        raise MessageError(
            f"the input ends in the middle of line {reader.torn_line}: the tap was cut off",
            where=f"stdin line {reader.torn_line}",
            fix="see the tap's own messages, then run again; what its last STATE covers is committed",
        )
    return 0


def _check_landed(target: Target, status: TapStatus) -> None:
    """Refuse the end of a run that brought records and landed none, although the tap says that all is well."""
    if status.succeeded() and target.left_out:
        raise NothingLandedError(
            f"the run ended early, and nothing landed: {target.left_out} records came that no STATE covers",
            fix="give the run more of what ended it: the tap's limits budget or max_run",
        )


def _relax_garbage_collection() -> None:
    """Records are trees that reference counting frees; looking for cycles among them took a third of the time."""
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _open_log(config: Config) -> CommitLog:
    storage = open_storage(config.path, scratch=layout.encode_name(config.source), s3=config.s3)
    check_format(storage, write=True)
    return CommitLog(storage, config.source)


@contextmanager
def _locked(log: CommitLog, lock_fd: int | None) -> Iterator[None]:
    """Hold the source's lock; an inherited one is held until this process ends."""
    lock = log.storage.lock(layout.lock_key(log.source), lock_fd)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _check_parent(log: CommitLog, head: Commit | None, expected: int | None) -> None:
    number = head.n if head else 0
    if expected is not None and number != expected:
        raise HeldError(
            f"source {log.source!r} is at commit {number}, this run was started from commit {expected}",
            where=f"{log.storage.uri}/{layout.log_prefix(log.source)}",
            fix="another run committed in between: run again",
        )


def _emit(state: str) -> None:
    """Print a STATE's value as the tap wrote it: the only writer of this program's stdout."""
    line = memoryview(f"{state}\n".encode())
    try:
        while line:
            line = line[os.write(_STDOUT, line) :]
    except BrokenPipeError as error:
        raise OutputClosedError(
            "nobody reads stdout any more; the commit of the STATE that could not be printed stands",
            fix="run again: the lake knows where to go on",
        ) from error
    except OSError as error:
        raise StorageError(
            f"standard output cannot be written: {error.strerror}; the STATE's commit stands",
            fix="free some space where it goes, then run again",
        ) from error
