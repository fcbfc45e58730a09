"""A STATE's text becomes the state that a run starts from, or the time that its bookmarks have reached."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?\Z")

_NO_BOOKMARKS = frozenset({"seen", "context"})
"""Parts of tap-rest-api's state that hold primary keys, which may look like times."""


def without_bookmarks(state: str, streams: Collection[str]) -> str:
    """Return a STATE from which these streams start anew, the others where they were.

    Values are kept as they are written. ``currently_syncing`` goes too: nothing is under way in a fresh start.
    """
    document: dict[str, msgspec.Raw] = msgspec.json.decode(state, type=dict[str, msgspec.Raw])
    document.pop("currently_syncing", None)
    if "bookmarks" in document:
        bookmarks = msgspec.json.decode(document["bookmarks"], type=dict[str, msgspec.Raw])
        kept = {name: value for name, value in bookmarks.items() if name not in streams}
        document["bookmarks"] = msgspec.Raw(msgspec.json.encode(kept))
    return msgspec.json.encode(document).decode()


def has_bookmarks(state: str) -> bool:
    """Tell whether a STATE keeps bookmarks by stream, as the Singer specification recommends."""
    document = msgspec.json.decode(state)
    return isinstance(document, dict) and isinstance(document.get("bookmarks"), dict)


def has_bookmark(state: str, stream: str) -> bool:
    """Tell whether a STATE, in the form that most taps write, has a bookmark of a stream."""
    document = msgspec.json.decode(state)
    bookmarks = document.get("bookmarks") if isinstance(document, dict) else None
    return isinstance(bookmarks, dict) and stream in bookmarks


def oldest_bookmark(state: str | None) -> datetime | None:
    """Return the time up to which every stream with a time for a bookmark has been read; None without one."""
    if state is None:
        return None
    document = msgspec.json.decode(state)
    bookmarks = document.get("bookmarks") if isinstance(document, dict) else None
    if not isinstance(bookmarks, dict):
        return None
    newest = [max(times) for times in (list(_times(value)) for value in bookmarks.values()) if times]
    return min(newest, default=None)


def _times(value: Any) -> Iterator[datetime]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in _NO_BOOKMARKS:
                yield from _times(item)
    elif isinstance(value, list):
        for item in value:
            yield from _times(item)
    elif isinstance(value, str) and _TIME.match(value):
        time = _parse_time(value)
        if time is not None:
            yield time


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
