"""Turns streams and their schemas into Singer's catalog, and a catalog into what is selected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer import metadata

from tap_rest_api.document import read_json_object
from tap_rest_api.errors import ConfigError
from tap_rest_api.template import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.config import Config, Stream

    Catalog = Mapping[str, Any]
    Metadata = Mapping[tuple[str, ...], Mapping[str, Any]]

_CHOICES = ("selected",)  # what a person sets in a catalog, and a new discovery keeps
_FIELD_DEPTH = 2  # ("properties", "name")


@dataclass(frozen=True, slots=True)
class Selection:
    """A stream to read. `schema` is what SCHEMA says; `dropped` are the fields that were deselected."""

    stream: Stream
    schema: Mapping[str, Any]
    dropped: frozenset[str]


def to_entry(stream: Stream, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Build a stream's catalog entry; its schema stays the plain object it is."""
    key = stream.replication.key if stream.replication else None
    standard = metadata.get_standard_metadata(
        schema=schema,
        key_properties=list(stream.primary_key),
        valid_replication_keys=[key] if key else None,
        replication_method="INCREMENTAL" if key else "FULL_TABLE",
    )
    found = metadata.to_map(standard)
    for name, value in {"selected": stream.selected, "selected-by-default": stream.selected}.items():
        found = metadata.write(found, (), name, value)
    if key:
        found = metadata.write(found, (), "replication-key", key)
        found = metadata.write(found, ("properties", key), "inclusion", "automatic")
    return {
        "tap_stream_id": stream.name,
        "stream": stream.name,
        "schema": schema,
        "metadata": metadata.to_list(found),
    }


def keep_selections(catalog: Catalog, previous: Catalog) -> dict[str, Any]:
    """Carry what a person selected in an earlier catalog over to a newly discovered one."""
    earlier = {entry["tap_stream_id"]: metadata.to_map(entry["metadata"]) for entry in previous["streams"]}
    entries = [_keep(entry, earlier.get(entry["tap_stream_id"], {})) for entry in catalog["streams"]]
    return {**catalog, "streams": entries}


def _keep(entry: Mapping[str, Any], earlier: Metadata) -> dict[str, Any]:
    found = metadata.to_map(entry["metadata"])
    for breadcrumb, values in earlier.items():
        for choice in _CHOICES:
            if choice in values and breadcrumb in found:
                found = metadata.write(found, breadcrumb, choice, values[choice])
    return {**entry, "metadata": metadata.to_list(found)}


def load_catalog(path: str) -> Catalog:
    """Read a catalog file.

    Raises:
        ConfigError: It cannot be read or is not a catalog.
    """
    catalog = read_json_object(path, "catalog")
    streams = catalog.get("streams")
    if not isinstance(streams, list):
        raise ConfigError('the catalog has no array "streams"', where=path, fix="write one with --discover.")
    for index, entry in enumerate(streams):
        if not _is_entry(entry):
            message = "a catalog entry needs tap_stream_id, schema and metadata with breadcrumbs"
            raise ConfigError(message, where=f"{path} /streams/{index}", fix="write one with --discover.")
    return catalog


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("tap_stream_id"), str):
        return False
    schema, rows = entry.get("schema"), entry.get("metadata")
    has_fields = isinstance(schema, dict) and isinstance(schema.get("properties"), dict)
    return has_fields and isinstance(rows, list) and all(map(_is_metadata, rows))


def _is_metadata(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("metadata"), dict):
        return False
    crumbs = row.get("breadcrumb")
    return isinstance(crumbs, list) and all(isinstance(crumb, str) for crumb in crumbs)


def select(catalog: Catalog, config: Config, where: str) -> list[Selection]:
    """Return the selected streams, in the catalog's order.

    Raises:
        ConfigError: The catalog selects a stream that the configuration does not have.
    """
    return list(_selections(catalog, {stream.name: stream for stream in config.streams}, where))


def _selections(catalog: Catalog, streams: Mapping[str, Stream], where: str) -> Iterator[Selection]:
    for index, entry in enumerate(catalog["streams"]):
        found = metadata.to_map(entry["metadata"])
        name = entry["tap_stream_id"]
        if not _is_selected(found.get((), {}), default=False):
            continue
        if name not in streams:
            raise ConfigError(
                f'the catalog selects the stream "{name}", which the configuration does not have',
                where=f"{where} /streams/{index}",
                fix=did_you_mean(name, list(streams)),
            )
        _check_depth(found, f"{where} /streams/{index}")
        yield _selection(streams[name], entry["schema"], found)


def _check_depth(found: Metadata, where: str) -> None:
    """Refuse a deselection below the top level, which would be ignored.

    Raises:
        ConfigError: There is one.
    """
    for crumbs, values in found.items():
        if len(crumbs) > _FIELD_DEPTH and not _is_selected(values, default=True):
            field = ".".join(crumb for crumb in crumbs if crumb not in ("properties", "items"))
            raise ConfigError(
                f'the catalog deselects "{field}", but only whole top-level fields can be left out',
                where=where,
                fix=f'deselect "{crumbs[1]}", or leave it in.',
            )


def _selection(stream: Stream, schema: Mapping[str, Any], found: Metadata) -> Selection:
    keys = {*stream.primary_key, *([stream.replication.key] if stream.replication else [])}
    dropped = frozenset(
        crumbs[1]
        for crumbs, values in found.items()
        if len(crumbs) == _FIELD_DEPTH and crumbs[1] not in keys and not _is_selected(values, default=True)
    )
    return Selection(stream, _without(schema, dropped), dropped)


def _is_selected(values: Mapping[str, Any], *, default: bool) -> bool:
    """Apply Singer's rules: inclusion first, then `selected`, then `selected-by-default`."""
    if values.get("inclusion") == "automatic":
        return True
    if values.get("inclusion") == "unsupported":
        return False
    return _is_true(values.get("selected", values.get("selected-by-default", default)))


def _is_true(value: Any) -> bool:
    """Read a selection; Singer's own examples write `"true"` as a text."""
    return value is True or str(value).lower() == "true"


def _without(schema: Mapping[str, Any], dropped: frozenset[str]) -> Mapping[str, Any]:
    if not dropped:
        return schema
    properties = {name: field for name, field in schema["properties"].items() if name not in dropped}
    slim = {**schema, "properties": properties}
    if "required" in schema:
        slim["required"] = [name for name in schema["required"] if name not in dropped]
    return slim
