"""Turns the selected streams into Singer's messages: one chunk of bytes a page, and STATE where it is proven."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer.metrics import Metric, Status, Tag

from tap_rest_api.bookmark import begin, cap, later
from tap_rest_api.errors import ConfigError
from tap_rest_api.instants import epoch_milliseconds, format_instant
from tap_rest_api.log import LOGGER, log_metric
from tap_rest_api.messages import activate_version_line, state_line
from tap_rest_api.outgoing import Outgoing
from tap_rest_api.state import MAX_PARTITIONS
from tap_rest_api.streams import contexts, read
from tap_rest_api.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from datetime import datetime

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.catalog import Selection
    from tap_rest_api.config import Stream
    from tap_rest_api.state import State
    from tap_rest_api.streams import Batch
    from tap_rest_api.unit import Context, Source

    Messages = Generator[bytes, None, State]

_LARGE_STATE_BYTES = 64 * 1024
_LARGE_STATE_SECONDS = 10.0


def sync(source: Source, selections: Sequence[Selection], state: State, now: Callable[[], datetime]) -> Iterator[bytes]:
    """Yield the messages of a whole run, each chunk whole lines.

    Args:
        source: The API.
        selections: The streams, in order.
        state: Where the last run ended.
        now: The time in UTC; gives full tables their version.

    Raises:
        TapError: A stream could not be read to its end. What was yielded stands; no STATE passes the gap.
    """
    for selection in selections:
        name = selection.stream.name
        started = epoch_milliseconds(now())
        if state.is_complete(name, started):
            LOGGER.info("%s: skipped; the interrupted run had read all of it", name)
            continue
        state = state.syncing(name)
        yield state_line(state.to_value())
        outgoing = Outgoing(selection, source.config.mask_key)
        yield outgoing.schema_line()
        state = yield from _sync_stream(_Run(source, selection, outgoing, started, state), state)
    yield state_line(state.finished().to_value())


@dataclass(slots=True)
class _Run:
    """One stream's part of a run, and what is counted on the way."""

    source: Source
    selection: Selection
    outgoing: Outgoing
    started_milliseconds: int
    sent: State
    pages: int = 0
    records: int = 0
    skipped: int = 0
    large_state_at: float = 0.0

    def read(self, context: Context, reading: Reading) -> Iterator[Batch]:
        """Read one unit, counting."""
        for batch in read(self.source, self.selection.stream, context, reading):
            self.pages += not batch.is_skipped
            self.skipped += batch.is_skipped
            self.records += len(batch.records)
            yield batch

    def lines(self, batch: Batch, version: int | None = None) -> bytes:
        """Build a batch's RECORD lines."""
        return self.outgoing.lines(batch.records, format_instant(batch.extracted_at), version)

    def states(self, state: State) -> Iterator[bytes]:
        """Yield a STATE line, or nothing while a large one has just been sent: a later one covers it."""
        line = state_line(state.to_value())
        if len(line) > _LARGE_STATE_BYTES:
            if time.monotonic() - self.large_state_at < _LARGE_STATE_SECONDS:
                return
            self.large_state_at = time.monotonic()
        self.sent = state
        yield line

    def last_state(self, state: State) -> Iterator[bytes]:
        """Yield the STATE line of the stream's end, unless it has been sent."""
        if state is not self.sent:
            self.sent = state
            yield state_line(state.to_value())


def _sync_stream(run: _Run, state: State) -> Messages:
    began = time.monotonic()
    status = Status.failed
    is_full_table = run.selection.stream.replication is None
    try:
        state = yield from (_full_table if is_full_table else _incremental)(run, state)
        status = Status.succeeded
        return state
    finally:
        _report(run, time.monotonic() - began, status)


def _full_table(run: _Run, state: State) -> Messages:
    """Send one snapshot: a version on every record, and no STATE before the last."""
    name = run.selection.stream.name
    version = state.next_version(name, run.started_milliseconds)
    for context in contexts(run.source, run.selection.stream):
        for batch in run.read(context, begin(None, None)):
            yield run.lines(batch, version)
    state = state.with_version(name, version)
    yield activate_version_line(name, version)
    yield from run.last_state(state)
    return state


def _incremental(run: _Run, state: State) -> Messages:
    """Send what is new, moving the bookmark (of the stream, or of each parent) wherever a batch proves it.

    Parents that have no bookmark of their own share one. It moves when all of them are done, and until then
    no STATE is sent past the first of them.
    """
    stream = run.selection.stream
    is_sharing, reached, began = False, None, None
    for context in contexts(run.source, stream):
        is_sharing = is_sharing or not _has_own_bookmark(stream, state, context)
        before = mark = state.bookmark(stream.name, context.identity)
        for batch in run.read(context, begin(stream.replication, before)):
            yield run.lines(batch)
            began = began or batch.as_of
            mark = batch.reading.reached if batch.is_proven else mark
            if mark is not None and mark != before and not is_sharing:
                state, before = state.with_bookmark(stream.name, mark, context.identity), mark
                yield from run.states(state)
        reached = later(reached, mark)
    if is_sharing and reached and began and stream.replication:
        state = state.without_partitions(stream.name)
        state = state.with_bookmark(stream.name, cap(reached, began, stream.replication.format))
    yield from run.last_state(state)
    return state


def _has_own_bookmark(stream: Stream, state: State, context: Context) -> bool:
    if context.identity is None:
        return True
    kind = stream.replication.state if stream.replication else "auto"
    if kind == "stream":
        return False
    if state.has_partition(stream.name, context.identity) or state.partition_count(stream.name) < MAX_PARTITIONS:
        return True
    if kind == "partition":
        message = f'stream "{stream.name}": more than {MAX_PARTITIONS} parents, each with a bookmark'
        raise ConfigError(message, where=f"{stream.where}/replication/state", fix='set it to "auto" or "stream".')
    return False


def _report(run: _Run, seconds: float, status: str) -> None:
    """Log a stream's end: one line for people, three METRIC lines for programs."""
    name = run.selection.stream.name
    traffic = run.source.client.traffic.get(name, Traffic())
    LOGGER.info(
        "%s: %d pages, %d records, %d retries, %.1f s waited, %.1f s%s%s",
        name,
        run.pages,
        run.records,
        traffic.retries,
        traffic.waited_seconds,
        seconds,
        f", {run.skipped} skipped by a rule" if run.skipped else "",
        "" if status == Status.succeeded else "; it failed, so what follows the last STATE is partial",
    )
    log_metric("counter", Metric.record_count, run.records, {Tag.endpoint: name})
    requests = {Tag.endpoint: name, Tag.status: status}
    log_metric("timer", Metric.http_request_duration, traffic.request_seconds, requests)
    log_metric("timer", Metric.job_duration, seconds, {Tag.job_type: name, Tag.status: status})
