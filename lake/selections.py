"""A catalog that a tap has just discovered becomes one that keeps the choices made in the catalog before it.

Our own tap does this itself. Most others print what they find and know nothing of an older file. What a person chooses
is what the Singer specification calls non-discoverable metadata.
"""

from __future__ import annotations

from typing import Any

from lake.stream_catalog import is_selected, root_metadata, stream_name

_CHOICES = ("selected", "replication-method", "replication-key", "view-key-properties")
"""Metadata that a person writes. See "Metadata" in the Singer specification's discovery mode."""

_OWN_CHOICES = ("selected", "replication_method", "replication_key")
"""The same as keys of the stream itself, as taps from before metadata have them."""


def keep_selections(found: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return a discovered catalog with the choices of an older one; streams that are new stay as the tap says."""
    known = {stream_name(stream): stream for stream in before["streams"]}
    streams = [_with_choices(stream, known.get(stream_name(stream))) for stream in found["streams"]]
    return {**found, "streams": streams}


def select_undecided(found: dict[str, Any]) -> dict[str, Any]:
    """Return a first catalog in which streams are selected of which the tap says nothing: else a run takes none."""
    return {**found, "streams": [_selected_if_undecided(stream) for stream in found["streams"]]}


def select_as_before_metadata(stream_catalog: dict[str, Any]) -> dict[str, Any]:
    """Return a catalog whose selections stand in the schemas too, where taps that take --properties look for them."""
    streams = [
        {**stream, "schema": {**(stream.get("schema") or {}), "selected": is_selected(stream)}}
        for stream in stream_catalog["streams"]
    ]
    return {**stream_catalog, "streams": streams}


def _with_choices(stream: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    if before is None:
        return stream
    chosen = {_breadcrumb(entry): _choices_of(entry) for entry in before.get("metadata") or []}
    own = {key: before[key] for key in _OWN_CHOICES if key in before}
    entries = stream.get("metadata") or []
    if () not in {_breadcrumb(entry) for entry in entries} and chosen.get(()):
        entries = [{"breadcrumb": [], "metadata": {}}, *entries]
    merged = [
        {**entry, "metadata": {**(entry.get("metadata") or {}), **chosen.get(_breadcrumb(entry), {})}}
        for entry in entries
    ]
    return {**stream, **own, "metadata": merged}


def _choices_of(entry: dict[str, Any]) -> dict[str, Any]:
    metadata = entry.get("metadata") or {}
    return {key: metadata[key] for key in _CHOICES if key in metadata}


def _breadcrumb(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(entry.get("breadcrumb") or ())


def _selected_if_undecided(stream: dict[str, Any]) -> dict[str, Any]:
    root = root_metadata(stream)
    if is_selected(stream) or stream.get("selected") is not None or root.get("inclusion") == "unsupported":
        return stream
    if {"selected", "selected-by-default"} & root.keys():
        return stream
    fields = [entry for entry in stream.get("metadata") or [] if entry.get("breadcrumb")]
    return {**stream, "metadata": [{"breadcrumb": [], "metadata": {**root, "selected": True}}, *fields]}
