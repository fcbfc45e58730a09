"""Turns a stream with bookmarks into its messages: what is new, and STATE wherever a batch proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_rest_api.bookmark import cap, later
from tap_rest_api.contexts import Behind, changed_contexts, contexts, follows_changes
from tap_rest_api.errors import ConfigError, TapError
from tap_rest_api.order import Part, in_order
from tap_rest_api.state import MAX_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from tap_rest_api.bookmark import Bookmark
    from tap_rest_api.chain import Batch
    from tap_rest_api.stream_run import StreamRun
    from tap_rest_api.traversal import Replication
    from tap_rest_api.unit import Context

_HELD_BYTES = 16 << 20


def incremental(run: StreamRun) -> Iterator[bytes]:
    """Yield what is new, moving the bookmark (of the stream, or of each context) wherever a batch proves it.

    Contexts that have no bookmark of their own share one. It moves when all of them are done, and until then
    no STATE is sent past the first of them. A child that is read only for parents that changed has a second
    bookmark among those, which passes a page of them once its children are done.
    """
    stream = run.stream
    items: Iterator[Context | Behind] = contexts(run.source, stream)
    if run.span is None and follows_changes(run.source, stream):
        items = changed_contexts(run.source, stream, run.follow)
    is_sharing, reached, began, ceiling = False, None, None, _Ceiling()

    for item, batches in in_order(run.source, stream, items, run.parts_of):
        if isinstance(item, Behind):
            yield from _pass(run, item, is_sharing=is_sharing)
        elif isinstance(item, Part):
            is_sharing = is_sharing or not _has_own_bookmark(run, item.context)
            ceiling = ceiling if ceiling.context is item.context else _Ceiling(item.context)
            try:
                mark, as_of = yield from _read(run, item, batches, ceiling, is_sharing=is_sharing)
                reached, began = _later(run, reached, mark), began or as_of
            except TapError as error:
                run.survive(error)
    if run.failed:
        raise run.failed
    if run.span is not None:
        return
    if is_sharing and reached and began and stream.replication:
        state = run.state.without_partitions(stream.name)
        run.state = state.with_bookmark(stream.name, cap(reached, began, stream.replication.form))
    if run.is_older_wanted() and not follows_changes(run.source, stream):
        run.state = run.state.with_start(stream.name, stream.replication.start if stream.replication else None)
    yield from run.last_state()


@dataclass(slots=True)
class _Ceiling:
    """What no bookmark of a context may pass: when its first slice was asked for that was not over yet.

    The slices end by our clock, and the server's may be behind it. What is written into the rest of such a slice
    comes too late for it, so the next run has to begin there, whatever the slices after it have shown.
    """

    context: Context | None = None
    at: datetime | None = None

    def lower(self, part: Part, began: datetime | None, replication: Replication) -> None:
        """Take in a slice and the server's time when it was asked for."""
        end = replication.form.instant(part.reading.end) if part.reading.end is not None else None
        if self.at is None and began is not None and end is not None and began < end:
            self.at = began

    def hold(self, bookmark: Bookmark, replication: Replication) -> Bookmark:
        """Return the bookmark, or where it may stand at most."""
        return bookmark if self.at is None else cap(bookmark, self.at, replication.form)


def _read(
    run: StreamRun, part: Part, batches: Iterator[Batch], ceiling: _Ceiling, *, is_sharing: bool
) -> Generator[bytes, None, tuple[Bookmark | None, datetime | None]]:
    """Yield one part's messages; return how far its bookmark has come, and the server's time when it was begun."""
    name, identity = run.stream.name, part.context.identity
    before = mark = run.state.bookmark(name, identity)
    began: datetime | None = None
    is_whole = moved = False
    for batch in _whole(batches) if run.stream.partitions else batches:
        yield from run.lines(batch)
        began = began or batch.as_of
        is_whole = batch.is_proven
        if part.is_older or run.span is not None:
            run.is_unproven = True
            continue
        mark = _later(run, mark, batch.reading.reached, ceiling) if batch.is_proven else mark
        if mark is not None and mark != before and not is_sharing:
            run.move(mark, identity)
            before, moved = mark, True
            yield from run.states()
    if part.is_older and is_whole and not is_sharing:
        run.pass_older(identity)
        yield from run.states()
    if run.stream.replication is not None:
        ceiling.lower(part, began, run.stream.replication)
    if part.checkpoint is not None and is_whole and not moved:
        mark = _later(run, mark, part.checkpoint, ceiling)
        if mark is not None and mark != before and not is_sharing:
            run.move(mark, identity)
            yield from run.states()
    return mark, began


def _later(
    run: StreamRun, left: Bookmark | None, right: Bookmark | None, ceiling: _Ceiling | None = None
) -> Bookmark | None:
    replication = run.stream.replication
    if replication is None:
        return None
    held = right if right is None or ceiling is None else ceiling.hold(right, replication)
    return later(left, held, replication.form)


def _whole(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Hold batches back until they are proven, or are too large to hold: if a small partition fails, none are out."""
    held: list[Batch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += sum(memoryview(record).nbytes for record in batch.records)
        if batch.is_proven or size > _HELD_BYTES:
            yield from held
            held.clear()
    yield from held


def _pass(run: StreamRun, place: Behind, *, is_sharing: bool) -> Iterator[bytes]:
    """Let the bookmark among the parents pass those whose children are done."""
    if run.failed:
        return
    run.state = run.state.with_parent(run.stream.name, place.bookmark, place.outer.identity or {})
    if not is_sharing:
        run.is_unproven = False
        yield from run.states()


def _has_own_bookmark(run: StreamRun, context: Context) -> bool:
    stream, state = run.stream, run.state
    if stream.replication is None or (context.identity is None and context.is_single):
        return True
    if stream.replication.state == "stream" or context.identity is None:
        return False
    if state.has_partition(stream.name, context.identity) or state.partition_count(stream.name) < MAX_PARTITIONS:
        return True
    if stream.replication.state == "partition":
        message = f'stream "{stream.name}": more than {MAX_PARTITIONS} parents, each with a bookmark'
        raise ConfigError(message, where=f"{stream.where}/replication/state", fix='set it to "auto" or "stream".')
    return False
