"""Turns the selected streams into Singer's messages: one chunk of bytes a page, and STATE where it is proven."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from singer.metrics import Status

from tap_rest_api.allowance import SpentError
from tap_rest_api.bookmark import begin
from tap_rest_api.contexts import contexts, follows_changes
from tap_rest_api.errors import TapError
from tap_rest_api.incremental import incremental
from tap_rest_api.instants import epoch_milliseconds
from tap_rest_api.log import LOGGER
from tap_rest_api.messages import activate_version_line, state_line
from tap_rest_api.order import Part, in_order
from tap_rest_api.outgoing import Outgoing
from tap_rest_api.stream_run import StreamRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tap_rest_api.catalog import Selection
    from tap_rest_api.parts import Span
    from tap_rest_api.state import State
    from tap_rest_api.unit import Context, Source


def sync(
    source: Source,
    selections: Sequence[Selection],
    state: State,
    now: Callable[[], datetime],
    span: Span | None = None,
) -> Iterator[bytes]:
    """Yield the messages of a whole run, each chunk whole lines.

    Once a budget is spent, the run ends early and well: its last STATE is the last safe one, and names the stream
    that was being read, so that a target leaves out what follows it.

    Args:
        source: The API.
        selections: The streams, in order.
        state: Where the last run ended.
        now: The time in UTC; gives full tables their version.
        span: Dates to read once more instead of what is new; the state then ends as it began.

    Raises:
        TapError: A stream could not be read to its end. What was yielded stands; no STATE passes the gap.
    """
    given = state
    for selection in selections:
        name = selection.stream.name
        if span is not None and selection.stream.replication is None:
            LOGGER.info("%s: skipped; a full table has no range of dates", name)
            continue
        started = epoch_milliseconds(now())
        if span is None and state.is_complete(name, started):
            LOGGER.info("%s: skipped; the interrupted run had read all of it", name)
            continue
        state = state.syncing(name)
        yield state_line(state.to_value())
        outgoing = Outgoing(selection, source.config.mask_key)
        yield outgoing.schema_line()
        run = StreamRun(source, selection.stream, outgoing, started, state, state, span)
        try:
            yield from _sync_stream(run)
        except SpentError as end:
            LOGGER.warning("partial: %s, in stream %s; the next run goes on from the last STATE", end, name)
            return
        state = run.state
    yield state_line((state.finished() if span is None else given).to_value())


def _sync_stream(run: StreamRun) -> Iterator[bytes]:
    began = time.monotonic()
    status = Status.failed
    is_incremental = run.stream.replication is not None or follows_changes(run.source, run.stream)
    try:
        yield from (incremental if is_incremental else _full_table)(run)
        status = Status.succeeded
    finally:
        run.report(time.monotonic() - began, status)


def _full_table(run: StreamRun) -> Iterator[bytes]:
    """Send one snapshot: a version on every record, and no STATE before the last."""
    name = run.stream.name
    version = run.state.next_version(name, run.started_milliseconds)
    for _, batches in in_order(run.source, run.stream, contexts(run.source, run.stream), _whole_parts):
        try:
            for batch in batches:
                yield from run.lines(batch, version)
                run.is_unproven = False  # there is no STATE to cover any of it before all of it is out
        except TapError as error:
            run.survive(error)
    if run.failed:
        raise run.failed
    run.state = run.state.with_version(name, version)
    yield activate_version_line(name, version)
    yield from run.last_state()


def _whole_parts(context: Context) -> Iterator[Part]:
    yield Part(context, begin(None, None))
