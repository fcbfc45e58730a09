"""A Singer catalog, the tap's list of streams, becomes the streams that a run takes."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


def read_stream_catalog(path: Path) -> dict[str, Any]:
    """Return a catalog file's object.

    Raises:
        UsageError: It is missing, not JSON, or no catalog.
    """
    try:
        return parse_stream_catalog(path.read_bytes())
    except OSError as error:
        fix = "`lake discover` writes one"
        raise UsageError(f"cannot read the catalog: {error.strerror}", where=str(path), fix=fix) from error
    except ValueError as error:
        fix = "`lake discover` writes a new one; remove this file first"
        raise UsageError(f"the catalog is damaged: {error}", where=str(path), fix=fix) from error


def parse_stream_catalog(data: bytes) -> dict[str, Any]:
    """Return the object of a catalog's JSON text.

    Raises:
        ValueError: It is not JSON, or has no streams.
    """
    document = json.loads(data)
    streams = document.get("streams") if isinstance(document, dict) else None
    if not isinstance(streams, list) or not all(isinstance(stream, dict) for stream in streams):
        raise ValueError('it has no array "streams"')
    return dict(document)


def stream_name(stream: dict[str, Any]) -> str:
    """Return the id of a catalog's entry, which its bookmark is filed under."""
    return str(stream.get("tap_stream_id") or stream.get("stream", ""))


def select_streams(stream_catalog: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a catalog in which only the named streams are selected.

    Raises:
        UsageError: The catalog has no such stream.
    """
    check_names(stream_catalog, names)
    streams = [_with_selection(stream, selected=stream_name(stream) in names) for stream in stream_catalog["streams"]]
    return {**stream_catalog, "streams": streams}


def check_names(stream_catalog: dict[str, Any], names: Iterable[str]) -> None:
    """Check that a catalog has streams of these names.

    Raises:
        UsageError: One is unknown; says what it may have meant.
    """
    known = [stream_name(stream) for stream in stream_catalog["streams"]]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"the streams are: {', '.join(known)}"
            raise UsageError(f"there is no stream {name!r}", where="--stream", fix=fix)


def selected_names(stream_catalog: dict[str, Any]) -> list[str]:
    """Return the ids of the streams that a run takes."""
    return [stream_name(stream) for stream in stream_catalog["streams"] if is_selected(stream)]


def is_selected(stream: dict[str, Any]) -> bool:
    """Tell whether a stream is selected: by its metadata, the old key, the metadata's default, the oldest key.

    See "Stream/field selection" in the Singer specification's discovery mode.
    """
    metadata = root_metadata(stream)
    schema = stream.get("schema")
    oldest = schema.get("selected") if isinstance(schema, dict) else None
    for value in (metadata.get("selected"), stream.get("selected"), metadata.get("selected-by-default"), oldest):
        if value is not None:
            return bool(value)
    return bool(metadata.get("inclusion") == "automatic")


def root_metadata(stream: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a stream as a whole, as opposed to its fields'."""
    entries = [entry for entry in stream.get("metadata") or [] if not entry.get("breadcrumb")]
    return dict(entries[0].get("metadata") or {}) if entries else {}


def _with_selection(stream: dict[str, Any], *, selected: bool) -> dict[str, Any]:
    fields = [entry for entry in stream.get("metadata") or [] if entry.get("breadcrumb")]
    root = {"breadcrumb": [], "metadata": {**root_metadata(stream), "selected": selected}}
    others = {key: value for key, value in stream.items() if key != "selected"}
    return {**others, "metadata": [root, *fields]}
