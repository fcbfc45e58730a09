"""Turns the selected streams into an excerpt: a few records of each, no STATE, nothing that a target would keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api.contexts import contexts
from tap_rest_api.instants import format_instant
from tap_rest_api.outgoing import Outgoing
from tap_rest_api.stream_run import StreamRun
from tap_rest_api.streams import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_rest_api.catalog import Selection
    from tap_rest_api.chain import Batch
    from tap_rest_api.parts import Span
    from tap_rest_api.state import State
    from tap_rest_api.unit import Source


def excerpt(
    source: Source, selections: Sequence[Selection], state: State, limit: int, span: Span | None
) -> Iterator[bytes]:
    """Yield each stream's SCHEMA and its first records, from its start or from that of a span.

    Raises:
        TapError: A stream could not be read as far.
    """
    for selection in selections:
        outgoing = Outgoing(selection, source.config.mask_key)
        yield outgoing.schema_line()
        rest = limit
        for batch in _batches(StreamRun(source, selection.stream, outgoing, 0, state, state, span)):
            records = batch.records[:rest]
            yield outgoing.lines(records, format_instant(batch.extracted_at))
            rest -= len(records)
            if rest == 0:
                break


def _batches(run: StreamRun) -> Iterator[Batch]:
    for context in contexts(run.source, run.stream):
        for part in run.parts_of(context):
            yield from read(run.source, run.stream, part.context, part.reading)
