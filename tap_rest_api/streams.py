"""Turns a stream of the configuration into its batches of records, the next page fetched while one is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import Reading, begin, hold
from tap_rest_api.edits import masks_of
from tap_rest_api.errors import TapError
from tap_rest_api.json_body import decode_exact, find_in, search
from tap_rest_api.paginate import check_total
from tap_rest_api.records import edit_records
from tap_rest_api.request import template_names
from tap_rest_api.unit import Context, open_unit
from tap_rest_api.walk import begin_walk, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tap_rest_api.config import Stream
    from tap_rest_api.json_body import Slice
    from tap_rest_api.unit import Source, Unit
    from tap_rest_api.walk import Place


@dataclass(frozen=True, slots=True)
class Batch:
    """One page's records that are to be emitted.

    Attributes:
        records: Each its own JSON text.
        reading: How far the unit has come with them.
        extracted_at: When the page was received.
        as_of: A time on the server's clock: whatever bears an earlier one, the page could show.
        is_proven: Once they are emitted, nothing before `reading.reached` is missing.
        is_skipped: A rule of the option "errors" left the rest of the unit out.
    """

    records: Sequence[Slice]
    reading: Reading
    extracted_at: datetime
    as_of: datetime
    is_proven: bool
    is_skipped: bool = False


def read(source: Source, stream: Stream, context: Context, reading: Reading) -> Iterator[Batch]:
    """Read one unit: a stream, or what it has for one parent.

    Raises:
        TapError: The unit cannot be read to its end; nothing that was not proven may be bookmarked.
    """
    unit = open_unit(source, stream, context)
    try:
        yield from _walk(unit, begin_walk(unit, reading))
    except TapError as error:
        error.where = error.where or f'stream "{stream.name}"'
        raise


def _walk(unit: Unit, place: Place | None) -> Iterator[Batch]:
    """Follow a page chain, always asking for the next page before this one is used."""
    pending = unit.ask(place.request, place.position) if place else None
    began: datetime | None = None
    while place is not None and pending is not None:
        answer = pending.result()
        is_first, began = began is None, began or answer.as_of
        if answer.page is None:
            is_end = answer.action == "end"
            if is_end:
                check_total(place.position)
            reading = place.reading if is_first else hold(place.reading, began)
            yield Batch((), reading, answer.received_at, answer.as_of, is_proven=is_end, is_skipped=not is_end)
            return
        for records in answer.page.earlier():  # of a body that is too large to hold
            reading, kept = unit.take(
                place.reading, replace(answer.page, records=records), place.position, is_anchored=False
            )
            place = replace(place, reading=reading, is_counting=True)
            yield Batch(kept, reading, answer.received_at, answer.as_of, is_proven=False)
        taken = step(unit, place, answer.page)
        place = taken.place
        pending = unit.ask(place.request, place.position) if place else None
        reading = taken.reading if is_first or place else hold(taken.reading, began)
        yield Batch(taken.records, reading, answer.received_at, answer.as_of, taken.is_proven)


def contexts(source: Source, stream: Stream) -> Iterator[Context]:
    """Yield every parent record for which a stream is read; one empty context for a stream without a parent.

    The parent is read from its own start, whether or not it is selected.
    """
    if stream.parent is None:
        yield Context()
        return
    parent = source.config.stream(stream.parent.stream)
    masks = masks_of(parent, source.config.mask_key)
    for outer in contexts(source, parent):
        for batch in read(source, parent, outer, begin(parent.replication, None)):
            for record in batch.records:
                content = decode_exact(record)
                if stream.parent.where is None or search(stream.parent.where, content):
                    masked = decode_exact(edit_records([record], masks)[0]) if masks else content
                    yield _to_context(stream, parent, content, masked)


def _to_context(stream: Stream, parent: Stream, record: Any, masked: Any) -> Context:
    keep = stream.parent.keep if stream.parent else {}
    return Context(
        values={name: find_in(record, name) for name in template_names(stream, "parent")},
        kept={name: find_in(masked, path) for name, path in keep.items()},
        identity={name: record.get(name) for name in parent.primary_key},
    )
