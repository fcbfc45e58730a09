"""A dataset is taken out of the lake: its files, its schemas, and its stream's bookmark.

Of one that no build has made yet, these are the records of the builds that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lake.bookmarks import has_bookmark, without_bookmarks
from lake.text import to_bytes
from target_datalake import layout
from target_datalake.log import escape

if TYPE_CHECKING:
    from lake.held_source import HeldSource
    from target_datalake.commits import DataFile
    from target_datalake.storage import Storage, StoredFile


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """What was dropped.

    Attributes:
        dataset: Its full name.
        commit: The commit that dropped it; 0 for one that was never built.
        rows: How many rows, of all versions.
        rejected: How many rejected records.
        files: How many files, schema documents apart.
        bytes: Their size.
        bookmark_removed: Whether the STATE had a bookmark of the stream, so that the next run reads it anew.
    """

    dataset: str
    commit: int
    rows: int
    rejected: int
    files: int
    bytes: int
    bookmark_removed: bool


def plan_drop(held: HeldSource, stream: str) -> Dropped:
    """Return what dropping a stream takes out; nothing is changed."""
    data, rejected = _live(held, stream)
    state = held.head.state
    return Dropped(
        dataset=layout.full_name(held.source, stream),
        commit=held.head.n + 1,
        rows=sum(file.rows for file in data),
        rejected=sum(file.rows for file in rejected),
        files=len(data) + len(rejected),
        bytes=sum(file.bytes for file in (*data, *rejected)),
        bookmark_removed=state is not None and has_bookmark(state, stream),
    )


def drop(held: HeldSource, stream: str) -> Dropped:
    """Drop a stream, in one commit: a crash leaves all of it, or, once the next run has begun, nothing.

    Raises:
        HeldError: Another writer was first; nothing is dropped.
    """
    planned = plan_drop(held, stream)
    data, rejected = _live(held, stream)
    schemas = layout.schema_prefix(held.source, stream)
    head = held.head
    held.commit(
        held.next_commit(),
        "drop",
        remove=(*(file.key for file in (*data, *rejected)), *(file.key for file in held.storage.list(schemas))),
        dropped=(stream,),
        state=None if head.state is None else without_bookmarks(head.state, [stream]),
        schemas={name: schema for name, schema in head.schemas.items() if name != stream},
        versions={name: version for name, version in head.versions.items() if name != stream},
    )
    return planned


def plan_forget(storage: Storage, name: str) -> Dropped | None:
    """Return what forgetting a dataset takes out, of which there are failed builds alone; None if there are none."""
    records = _records(storage, name)
    if not records:
        return None
    size = sum(record.bytes for record in records)
    return Dropped(dataset=name, commit=0, rows=0, rejected=0, files=len(records), bytes=size, bookmark_removed=False)


def forget(storage: Storage, name: str) -> None:
    """Forget the failed builds of a dataset that was never built. A crash leaves some of them."""
    for record in _records(storage, name):
        storage.delete(record.key)


def to_drop_text(dropped: Dropped, *, dry_run: bool) -> str:
    """Return what was dropped, or would be, and what the next run makes of it."""
    what = f"{dropped.rows:,} rows, {dropped.rejected:,} rejected records, {to_bytes(dropped.bytes)}"
    if dry_run:
        return escape(f"{dropped.dataset} would go: {what}. Nothing was changed.")
    if not dropped.dataset.startswith("landing."):
        return escape(f"{dropped.dataset} is gone: {what}.\n`lake build` makes it again while something defines it.")
    if dropped.bookmark_removed:
        then = "Its bookmark is gone too: the next run reads the stream anew, from its start."
    else:
        then = "The source's state has no bookmark of it: whether the next run reads it anew is for the tap to decide."
    return escape(f"{dropped.dataset} is gone: {what}.") + f"\n{then} To leave it out, deselect it in the catalog."


def _records(storage: Storage, name: str) -> list[StoredFile]:
    zone, _, dataset = name.partition(".")
    if zone not in layout.ZONES or not dataset:
        return []
    return list(storage.list(layout.runs_prefix(layout.zone_owner(zone, dataset))))


def _live(held: HeldSource, stream: str) -> tuple[list[DataFile], list[DataFile]]:
    commits = held.commits()
    removed = {key for commit in commits for key in commit.remove}
    data = [file for commit in commits for file in commit.add if file.stream == stream and file.key not in removed]
    rejected = [
        file for commit in commits for file in commit.rejected if file.stream == stream and file.key not in removed
    ]
    return data, rejected
