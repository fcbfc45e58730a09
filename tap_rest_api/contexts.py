"""Turns a stream's partitions and its parent's records into the contexts that it is read for, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import Bookmark, begin
from tap_rest_api.edits import masks_of
from tap_rest_api.json_body import decode_exact, find_in, search
from tap_rest_api.order import Part, Passed, in_order
from tap_rest_api.records import edit_records
from tap_rest_api.request import template_names
from tap_rest_api.template import to_text
from tap_rest_api.unit import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_rest_api.config import Stream
    from tap_rest_api.json_body import Slice
    from tap_rest_api.unit import Source

    Follow = Callable[[Context], Bookmark | None]


@dataclass(frozen=True, slots=True)
class Behind(Passed):
    """A place among the contexts: all before it come from the parent up to a bookmark of its.

    Attributes:
        outer: For whom the parent was read.
        bookmark: How far.
    """

    outer: Context
    bookmark: Bookmark


def contexts(source: Source, stream: Stream) -> Iterator[Context]:
    """Yield every context of a stream: each parent record with each partition, or one empty context without them.

    The parent is read from its own start, whether or not it is selected.
    """
    return (item for item in _contexts(source, stream, None) if isinstance(item, Context))


def changed_contexts(source: Source, stream: Stream, follow: Follow) -> Iterator[Context | Behind]:
    """Yield the contexts of those parents that are new or changed, and a Behind after each page of them.

    Args:
        source: The API.
        stream: Whose contexts.
        follow: Tells, for each context of the parent, behind which bookmark of its to read.
    """
    return _contexts(source, stream, follow)


def _contexts(source: Source, stream: Stream, follow: Follow | None) -> Iterator[Context | Behind]:
    if stream.parent is None:
        yield from _with_partitions(stream, Context())
        return
    for item in _from_parent(source, stream, follow):
        if isinstance(item, Behind):
            yield item
        else:
            yield from _with_partitions(stream, item)


def follows_changes(source: Source, stream: Stream) -> bool:
    """Tell whether a stream is read only for those parents that changed."""
    if stream.parent is None or stream.parent.read == "all":
        return False
    return source.config.stream(stream.parent.stream).replication is not None


def _with_partitions(stream: Stream, context: Context) -> Iterator[Context]:
    """Give a context each of the stream's partitions in turn."""
    if not stream.partitions:
        yield context
        return
    for partition in stream.partitions:
        identity = {**(context.identity or {}), **partition}
        names = set(identity) - stream.secret_names if stream.identity is None else set(stream.identity)
        identity = {name: value for name, value in identity.items() if name in names}
        yield Context(
            values=context.values,
            kept=context.kept,
            identity=identity if context.is_single else None,
            partition={**context.partition, **partition},
            is_single=context.is_single,
        )


def _from_parent(source: Source, stream: Stream, follow: Follow | None) -> Iterator[Context | Behind]:
    parent, where = _parent_of(source, stream)
    masks = masks_of(parent, source.config.mask_key)

    def parts(outer: Context) -> Iterator[Part]:
        yield Part(outer, begin(parent.replication, follow(outer) if follow else None))

    for outer, batches in in_order(source, parent, contexts(source, parent), parts):
        if not isinstance(outer, Part):  # for mypy: there are no places to pass among plain contexts
            continue
        for batch in batches:
            read = ((decode_exact(record), record) for record in batch.records)
            chosen = (pair for pair in read if where is None or search(where, pair[0]))
            records = ((content, _masked(record, masks) if masks else content) for content, record in chosen)
            yield from _to_contexts(stream, parent, outer.context, records)
            if follow and batch.is_proven and batch.reading.reached is not None:
                yield Behind(outer.context, batch.reading.reached)


def _parent_of(source: Source, stream: Stream) -> tuple[Stream, str | None]:
    if stream.parent is None:
        raise AssertionError(stream.name)  # only asked for a child
    return source.config.stream(stream.parent.stream), stream.parent.where


def _masked(record: Slice, masks: Any) -> Any:
    """Return what a child may keep of a parent's record: no personal data that the parent hides."""
    return decode_exact(edit_records([record], masks)[0])


def _to_contexts(
    stream: Stream, parent: Stream, outer: Context, records: Iterator[tuple[Any, Any]]
) -> Iterator[Context]:
    size = stream.parent.batch if stream.parent else None
    if size is None:
        for record, masked in records:
            yield _to_context(stream, parent, outer, record, masked)
        return
    while batch := list(islice(records, size)):
        values = {name: _joined([find_in(record, name) for record, _ in batch]) for name in _names(stream)}
        yield Context(values=values, partition=outer.partition, is_single=False)


def _joined(values: Sequence[Any]) -> str:
    return ",".join(to_text(value) for value in values if value is not None)


def _names(stream: Stream) -> set[str]:
    return template_names(stream, "parent")


def _to_context(stream: Stream, parent: Stream, outer: Context, record: Any, masked: Any) -> Context:
    keep = stream.parent.keep if stream.parent else {}
    own: Mapping[str, Any] = {name: record.get(name) for name in parent.primary_key}
    if stream.identity is not None:
        names = [name for name in stream.identity if not any(name in part for part in stream.partitions)]
        own = {name: find_in(record, name) for name in names}
    elif parent.partitions and outer.identity:
        own = {**outer.identity, **own}  # one key may stand in several partitions
    return Context(
        values={name: find_in(record, name) for name in _names(stream)},
        kept={name: find_in(masked, path) for name, path in keep.items()},
        identity=own,
        partition=outer.partition,
    )
