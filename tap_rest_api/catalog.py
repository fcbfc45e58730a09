"""Turns streams and their schemas into Singer's catalog, and a catalog into what is selected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer import metadata

from tap_rest_api import schemas
from tap_rest_api.document import read_json_object
from tap_rest_api.errors import ConfigError
from tap_rest_api.field_tree import to_tree
from tap_rest_api.overrides import with_overrides
from tap_rest_api.template import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.config import Config, Stream

    Catalog = Mapping[str, Any]
    Metadata = Mapping[tuple[str, ...], Mapping[str, Any]]

# What a person sets in a catalog, and a new discovery keeps.
_CHOICES = ("selected", "replication-method", "view-key-properties")


@dataclass(frozen=True, slots=True)
class Selection:
    """A stream to read, as the catalog wants it.

    Attributes:
        stream: Its options, with the catalog's overrides.
        schema: What SCHEMA says: without the deselected fields.
        dropped: The paths of the fields that were deselected, at any depth.
    """

    stream: Stream
    schema: Mapping[str, Any]
    dropped: frozenset[tuple[str, ...]]


def to_entry(stream: Stream, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Build a stream's catalog entry; its schema stays the plain object it is."""
    key = stream.replication.key if stream.replication else None
    about: dict[str, Any] = {
        "inclusion": "available",
        "selected": stream.selected,
        "selected-by-default": stream.selected,
        "table-key-properties": list(stream.primary_key),
    }
    if key is None:
        about["forced-replication-method"] = "FULL_TABLE"
    else:
        about |= {"valid-replication-keys": [key], "replication-method": "INCREMENTAL", "replication-key": key}
    found: dict[tuple[str, ...], dict[str, Any]] = {(): about}
    keys = {*stream.primary_key, key}
    for breadcrumb in schemas.breadcrumbs(schema):
        is_key = schemas.field_path(breadcrumb)[0] in keys and len(breadcrumb) == len(("properties", "name"))
        found[breadcrumb] = {"inclusion": "automatic" if is_key else "available"}
    return {
        "tap_stream_id": stream.name,
        "stream": stream.name,
        "schema": schema,
        "metadata": metadata.to_list(found),
    }


def keep_selections(catalog: Catalog, previous: Catalog) -> dict[str, Any]:
    """Carry what a person chose in an earlier catalog over to a newly discovered one."""
    earlier = {entry["tap_stream_id"]: metadata.to_map(entry["metadata"]) for entry in previous["streams"]}
    entries = [_keep(entry, earlier.get(entry["tap_stream_id"], {})) for entry in catalog["streams"]]
    return {**catalog, "streams": entries}


def _keep(entry: Mapping[str, Any], earlier: Metadata) -> dict[str, Any]:
    """Keep the choices, also those about fields that this discovery has not seen: they may come back."""
    found = metadata.to_map(entry["metadata"])
    for breadcrumb, values in earlier.items():
        for choice in _CHOICES:
            if choice in values:
                found = metadata.write(found, breadcrumb, choice, values[choice])
    _keep_replication(found[()], earlier.get((), {}))
    return {**entry, "metadata": metadata.to_list(found)}


def _keep_replication(about: dict[str, Any], earlier: Mapping[str, Any]) -> None:
    """Keep the choice of a replication key among several, unless the stream has got another one, or none."""
    if "forced-replication-method" in about:
        about.pop("replication-method", None)
        return
    valid = earlier.get("valid-replication-keys", ())
    if about["replication-key"] in valid and earlier.get("replication-key") in valid:
        about |= {"valid-replication-keys": valid, "replication-key": earlier["replication-key"]}


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
        ConfigError: The catalog selects a stream that the configuration does not have, or wants of one what it
            cannot do.
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
        place = f"{where} /streams/{index}"
        stream = with_overrides(streams[name], found.get((), {}), entry["schema"], place)
        yield _selection(stream, entry["schema"], found)


def _selection(stream: Stream, schema: Mapping[str, Any], found: Metadata) -> Selection:
    keys = {*stream.primary_key, *([stream.replication.key] if stream.replication else [])}
    deselected = (schemas.field_path(crumbs) for crumbs, row in found.items() if not _is_selected(row, default=True))
    dropped = frozenset(path for path in deselected if path and path[0] not in keys)
    slim = schemas.edit_schema(schema, to_tree((path, schemas.leave_out) for path in dropped))
    return Selection(stream, slim, dropped)


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
