"""Turns the state document of the last run into bookmarks, and new bookmarks into the next document."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import Bookmark
from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Entry = Mapping[str, Any]

MAX_SEEN_KEYS = 1_000
MAX_PARTITIONS = 10_000
_COMPLETE_FOR_MILLISECONDS = 12 * 60 * 60 * 1000
_BELOW = ("partitions", "parents")  # what a stream's bookmark holds by context
_ADVICE = "give the last line that the target printed, or leave --state out to read everything again."


@dataclass(frozen=True, slots=True)
class State:
    """A state document; every method gives a new one. What it does not know, it carries along.

    Attributes:
        rest: All top-level keys but "bookmarks".
        bookmarks: By stream; without their "partitions".
        partitions: By stream and context, the latter as JSON text.
        parents: The same for the parents of children that are read only for those that changed: how far among them.
        foreign: Bookmarks of streams that the configuration does not have.
    """

    rest: Entry = field(default_factory=dict)
    bookmarks: Mapping[str, Entry] = field(default_factory=dict)
    partitions: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    parents: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    foreign: Mapping[str, Any] = field(default_factory=dict)

    def to_value(self) -> dict[str, Any]:
        """Return the document, as STATE carries it."""
        bookmarks = {name: dict(entry) for name, entry in self.bookmarks.items()}
        for key, below in (("partitions", self.partitions), ("parents", self.parents)):
            for name, parts in below.items():
                bookmarks.setdefault(name, {})[key] = list(parts.values())
        return {"bookmarks": {**self.foreign, **bookmarks}, **self.rest}

    def bookmark(self, stream: str, context: Entry | None = None) -> Bookmark | None:
        """Return a stream's bookmark; of a context (a parent's primary key), its own or else the stream's."""
        shared = self.bookmarks.get(stream, {})
        entry = shared if context is None else self.partitions.get(stream, {}).get(_text(context), shared)
        return _to_bookmark(entry)

    def parent(self, stream: str, outer: Entry) -> Bookmark | None:
        """Return up to where, among a child's parents in a context of theirs, the children have been read."""
        return _to_bookmark(self.parents.get(stream, {}).get(_text(outer), {}))

    def with_parent(self, stream: str, bookmark: Bookmark, outer: Entry) -> State:
        """Set how far the children have been read among the parents in a context of theirs."""
        parts = {**self.parents.get(stream, {}), _text(outer): {"context": dict(outer), **_entry(bookmark)}}
        return replace(self, parents={**self.parents, stream: parts})

    def with_bookmark(self, stream: str, bookmark: Bookmark, context: Entry | None = None) -> State:
        """Set a bookmark."""
        if context is None:
            return self._with_entry(stream, {**self.bookmarks.get(stream, {}), **_entry(bookmark)}, bookmark)
        parts = self.partitions.get(stream, {})
        start = {key: value for key, value in parts.get(_text(context), {}).items() if key == "start"}
        entry = {"context": dict(context), **_entry(bookmark), **start}
        return replace(self, partitions={**self.partitions, stream: {**parts, _text(context): entry}})

    def has_bookmarks(self, stream: str) -> bool:
        """Tell whether a stream, or any context of it, has been read before."""
        return bool(self.partitions.get(stream)) or "replication_key_value" in self.bookmarks.get(stream, {})

    def start(self, stream: str, context: Entry | None = None) -> Any:
        """Return from where on a bookmark's records have been read; None if it began without a start."""
        shared = self.bookmarks.get(stream, {}).get("start")
        return (
            shared if context is None else self.partitions.get(stream, {}).get(_text(context), {}).get("start", shared)
        )

    def with_start(self, stream: str, start: Any, context: Entry | None = None) -> State:
        """Say from where on a bookmark's records have been read; of a stream, also of all its contexts."""
        parts = self.partitions.get(stream, {})
        if context is not None:
            entry = {**parts.get(_text(context), {"context": dict(context)}), "start": start}
            return replace(self, partitions={**self.partitions, stream: {**parts, _text(context): entry}})
        entry = {key: value for key, value in self.bookmarks.get(stream, {}).items() if key != "start"}
        entry |= {} if start is None else {"start": start}
        plain = {text: {key: item for key, item in part.items() if key != "start"} for text, part in parts.items()}
        partitions = {**self.partitions, stream: plain} if parts else self.partitions
        return replace(self, bookmarks={**self.bookmarks, stream: entry}, partitions=partitions)

    def _with_entry(self, stream: str, entry: dict[str, Any], bookmark: Bookmark | None = None) -> State:
        if bookmark is not None and not _fits(bookmark):
            entry.pop("seen", None)
        return replace(self, bookmarks={**self.bookmarks, stream: entry})

    def partition_count(self, stream: str) -> int:
        """Count the contexts that have a bookmark of their own."""
        return len(self.partitions.get(stream, {}))

    def has_partition(self, stream: str, context: Entry) -> bool:
        """Tell whether a context has a bookmark of its own."""
        return _text(context) in self.partitions.get(stream, {})

    def without_partitions(self, stream: str) -> State:
        """Forget the contexts of a stream."""
        return replace(self, partitions={name: part for name, part in self.partitions.items() if name != stream})

    def syncing(self, stream: str) -> State:
        """Say that a stream is being read."""
        return replace(self, rest={**self.rest, "currently_syncing": stream})

    def finished(self) -> State:
        """Say that the whole run is done: nothing is being read, and no full table need be skipped."""
        rest = {key: value for key, value in self.rest.items() if key != "currently_syncing"}
        bookmarks = {
            name: {key: value for key, value in entry.items() if key != "complete"}
            for name, entry in self.bookmarks.items()
        }
        return replace(self, rest=rest, bookmarks=bookmarks)

    def next_version(self, stream: str, now_milliseconds: int) -> int:
        """Return a full table's version: the time, but always above the last version."""
        last = self.bookmarks.get(stream, {}).get("version")
        return max(now_milliseconds, last + 1) if isinstance(last, int) else now_milliseconds

    def with_version(self, stream: str, version: int) -> State:
        """Say that a full table has landed whole under a version."""
        return self._with_entry(stream, {**self.bookmarks.get(stream, {}), "version": version, "complete": True})

    def is_complete(self, stream: str, now_milliseconds: int) -> bool:
        """Tell whether the interrupted run that left this state had read a full table, less than 12 hours ago."""
        entry = self.bookmarks.get(stream, {})
        if not self.rest.get("currently_syncing") or entry.get("complete") is not True:
            return False
        version = entry.get("version")
        return isinstance(version, int) and now_milliseconds - version < _COMPLETE_FOR_MILLISECONDS


def _to_bookmark(entry: Entry) -> Bookmark | None:
    if entry.get("replication_key_value") is None:
        return None
    seen = frozenset(tuple(key) for key in entry.get("seen", ()))
    return Bookmark(entry["replication_key"], entry["replication_key_value"], seen)


def _entry(bookmark: Bookmark) -> dict[str, Any]:
    entry = {"replication_key": bookmark.key, "replication_key_value": bookmark.value}
    return {**entry, "seen": sorted(map(list, bookmark.seen), key=str)} if bookmark.seen and _fits(bookmark) else entry


def _fits(bookmark: Bookmark) -> bool:
    return 0 < len(bookmark.seen) <= MAX_SEEN_KEYS


def _text(context: Entry) -> str:
    return json.dumps(context, sort_keys=True, default=str)


def load_state(path: str | None, streams: Collection[str]) -> State:
    """Read a state file; no path is a first run. Only bookmarks of these streams are looked into.

    Raises:
        ConfigError: It is missing, empty, cut or not a state. Never is it taken for a first run.
    """
    if path is None:
        return State()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the state file cannot be read: {error}", where=path, fix=_ADVICE) from None
    return parse_state(text, path, streams)


def parse_state(text: str, where: str, streams: Collection[str]) -> State:
    """Parse and check a state document. Raises as `load_state` does."""
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        what = "is not JSON" if text.strip() else "is empty"
        raise ConfigError(f"the state file {what}", where=where, fix=_ADVICE) from None
    _require(isinstance(document, dict) and document.get("type") != "STATE", "", where)
    rest = {key: value for key, value in document.items() if key != "bookmarks"}
    bookmarks = document.get("bookmarks", {})
    _require(isinstance(bookmarks, dict), "/bookmarks", where)
    foreign = {name: entry for name, entry in bookmarks.items() if name not in streams}
    known = {name: entry for name, entry in bookmarks.items() if name in streams}
    for name, entry in known.items():
        _check_entry(entry, f"/bookmarks/{name}", where)
    below = {key: _by_context(known, key) for key in _BELOW}
    plain = {name: {key: value for key, value in entry.items() if key not in _BELOW} for name, entry in known.items()}
    return State(rest, plain, below["partitions"], below["parents"], foreign)


def _by_context(bookmarks: Mapping[str, Entry], key: str) -> dict[str, dict[str, Entry]]:
    return {
        name: {_text(part["context"]): part for part in entry[key]} for name, entry in bookmarks.items() if key in entry
    }


def _check_entry(entry: Any, pointer: str, where: str) -> None:
    _require(isinstance(entry, dict), pointer, where)
    _check_mark(entry, pointer, where)
    for key in _BELOW:
        parts = entry.get(key, [])
        _require(isinstance(parts, list), f"{pointer}/{key}", where)
        for index, part in enumerate(parts):
            below = f"{pointer}/{key}/{index}"
            _require(isinstance(part, dict) and isinstance(part.get("context"), dict), below, where)
            _check_mark(part, below, where)


def _check_mark(entry: Entry, pointer: str, where: str) -> None:
    value = entry.get("replication_key_value")
    is_plain = isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool)
    _require(value is None or is_plain, f"{pointer}/replication_key_value", where)
    _require(value is None or isinstance(entry.get("replication_key"), str), f"{pointer}/replication_key", where)
    seen = entry.get("seen", [])
    is_keys = isinstance(seen, list) and all(isinstance(key, list) for key in seen)
    is_flat = is_keys and not any(isinstance(part, (list, dict)) for key in seen for part in key)
    _require(is_flat, f"{pointer}/seen", where)


def _require(holds: bool, pointer: str, where: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise ConfigError("the state is not what this tap writes", where=f"{where} {pointer}".strip(), fix=_ADVICE)
