"""Turns the batches of one stream into its messages, and counts what its report says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singer.metrics import Metric, Status, Tag

from tap_rest_api.bookmark import begin
from tap_rest_api.instants import format_instant, parse_instant
from tap_rest_api.log import LOGGER, log_metric
from tap_rest_api.messages import state_line
from tap_rest_api.meter import Meter
from tap_rest_api.order import Part
from tap_rest_api.parts import plan, plan_older, plan_span
from tap_rest_api.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.bookmark import Bookmark
    from tap_rest_api.chain import Batch
    from tap_rest_api.config import Stream
    from tap_rest_api.errors import TapError
    from tap_rest_api.outgoing import Outgoing
    from tap_rest_api.parts import Span
    from tap_rest_api.state import State
    from tap_rest_api.unit import Context, Source

_CHUNK_RECORDS = 10_000  # the lines of a larger page are not held all at once
_LARGE_STATE_BYTES = 64 * 1024
_LARGE_STATE_SECONDS = 10.0


@dataclass(slots=True)
class StreamRun:
    """One stream's part of a run.

    Attributes:
        state: What is known of all streams by now.
        sent: The state that was sent last.
        span: What to read instead of what is new; no bookmark moves then.
        is_unproven: Records have been sent that no bookmark may cover yet.
        failed: How the first partition failed, if one did.
    """

    source: Source
    stream: Stream
    outgoing: Outgoing
    started_milliseconds: int
    state: State
    sent: State
    span: Span | None = None
    is_unproven: bool = False
    failed: TapError | None = None
    skipped: int = 0
    large_state_at: float = 0.0
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        """Begin to count."""
        self.meter = Meter(self.stream.name, time.monotonic, self.source.metric_seconds, time.monotonic())

    def parts_of(self, context: Context) -> Iterator[Part]:
        """Yield what is to be read for a context."""
        replication, now = self.stream.replication, parse_instant(self.source.end)
        if replication is None or now is None:
            yield Part(context, begin(None, None))
        elif self.span is not None:
            yield from plan_span(replication, context, self.span, now)
        else:
            before = self.state.bookmark(self.stream.name, context.identity)
            if before is not None and self.is_older_wanted(context.identity):
                yield plan_older(replication, context, self.state.start(self.stream.name, context.identity))
            yield from plan(replication, context, before, now)

    def is_older_wanted(self, identity: Mapping[str, Any] | None = None) -> bool:
        """Tell whether the configured start lies before the one that a bookmark began at."""
        replication, old = self.stream.replication, self.state.start(self.stream.name, identity)
        if replication is None or old is None or self.span is not None:
            return False
        if replication.start is None:
            return True
        try:
            new_rank, old_rank = replication.form.ranks([replication.start, old])
        except TypeError:
            return False
        return bool(new_rank < old_rank)

    def move(self, mark: Bookmark, identity: Mapping[str, Any] | None) -> None:
        """Move a bookmark; the first one of a stream also says where its reading began."""
        name, replication = self.stream.name, self.stream.replication
        is_first = not self.state.has_bookmarks(name)
        self.state = self.state.with_bookmark(name, mark, identity)
        if is_first and replication is not None and replication.start is not None:
            self.state = self.state.with_start(name, replication.start)

    def pass_older(self, identity: Mapping[str, Any] | None) -> None:
        """Say that what lies before the old start has been read."""
        start = self.stream.replication.start if self.stream.replication else None
        self.state = self.state.with_start(self.stream.name, start, identity)
        self.is_unproven = False

    def lines(self, batch: Batch, version: int | None = None) -> Iterator[bytes]:
        """Yield a batch's RECORD lines, a usual page's in one chunk, and count them."""
        self.skipped += batch.is_skipped
        self.meter.total = self.meter.total or (batch.total if self._is_one_unit else None)
        self.meter.count(len(batch.records), not batch.is_skipped)
        self.is_unproven = (self.is_unproven or bool(batch.records)) and not batch.is_proven
        extracted_at = format_instant(batch.extracted_at)
        for first in range(0, len(batch.records), _CHUNK_RECORDS):
            yield self.outgoing.lines(batch.records[first : first + _CHUNK_RECORDS], extracted_at, version)

    @property
    def _is_one_unit(self) -> bool:
        """Tell whether the stream is one chain of pages, so that its total is the stream's."""
        replication = self.stream.replication
        is_cut = replication is not None and replication.window is not None
        return not (self.stream.partitions or self.stream.parent or is_cut)

    def states(self) -> Iterator[bytes]:
        """Yield a STATE line, or nothing while a large one has just been sent: a later one covers it."""
        line = state_line(self.state.to_value())
        if len(line) > _LARGE_STATE_BYTES:
            if time.monotonic() - self.large_state_at < _LARGE_STATE_SECONDS:
                return
            self.large_state_at = time.monotonic()
        self.sent = self.state
        yield line

    def last_state(self) -> Iterator[bytes]:
        """Yield the STATE line of the stream's end, unless it has been sent."""
        if self.state is not self.sent:
            self.sent = self.state
            yield state_line(self.state.to_value())

    def follow(self, outer: Context) -> Bookmark | None:
        """Return up to where a parent's records have had their children read."""
        return self.state.parent(self.stream.name, outer.identity or {})

    def survive(self, error: TapError) -> None:
        """Let the other partitions finish when one fails, if what it has sent can be told from what is whole.

        Raises:
            TapError: The same, if it cannot be survived.
        """
        if not self.stream.partitions or self.is_unproven:
            raise error
        LOGGER.error("%s: a partition failed; the others are read before the run fails\n%s", self.stream.name, error)
        self.failed = self.failed or error

    def report(self, seconds: float, status: str) -> None:
        """Log a stream's end: one line for people, three METRIC lines for programs."""
        name = self.stream.name
        traffic = self.source.client.traffic.get(name, Traffic())
        LOGGER.info(
            "%s: %d pages, %d records, %d retries, %.1f s waited, %.1f s%s%s",
            name,
            self.meter.pages,
            self.meter.records,
            traffic.retries,
            traffic.waited_seconds,
            seconds,
            f", {self.skipped} skipped by a rule" if self.skipped else "",
            "" if status == Status.succeeded else "; it failed, so what follows the last STATE is partial",
        )
        self.meter.finish()
        requests = {Tag.endpoint: name, Tag.status: status}
        log_metric("timer", Metric.http_request_duration, traffic.request_seconds, requests)
        log_metric("timer", Metric.job_duration, seconds, {Tag.job_type: name, Tag.status: status})
