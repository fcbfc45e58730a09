"""Turns what a catalog says of a stream's keys and replication into the stream with these instead of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.template import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_rest_api.config import Stream

_METHODS = ("FULL_TABLE", "INCREMENTAL")


def with_overrides(stream: Stream, about: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Stream:
    """Return a stream as a catalog wants it.

    Args:
        stream: As the configuration describes it.
        about: The catalog's metadata of the stream itself.
        schema: The catalog's schema.
        where: The catalog's entry, for messages.

    Raises:
        ConfigError: The catalog wants what the stream cannot do.
    """
    fields = list(schema["properties"])
    keyed = _with_keys(stream, about, fields, where)
    method = about.get("replication-method") or ("INCREMENTAL" if stream.replication else "FULL_TABLE")
    if method not in _METHODS:
        fix = f"one of: {', '.join(_METHODS)}."
        raise ConfigError(f'the catalog wants the replication-method "{method}"', where=where, fix=fix)
    if method == "FULL_TABLE":
        return replace(keyed, replication=None)
    if stream.replication is None:
        fix = 'give the stream the option "replication" in the configuration.'
        raise ConfigError(f'"{stream.name}" can only be read as a full table', where=where, fix=fix)
    return _with_replication_key(keyed, about, fields, where)


def _with_keys(stream: Stream, about: Mapping[str, Any], fields: Sequence[str], where: str) -> Stream:
    """Take the primary key that a person set for a view, else the table's."""
    for name in ("view-key-properties", "table-key-properties"):
        keys = about.get(name)
        if keys is None or tuple(keys) == stream.primary_key:
            continue
        for key in keys:
            _check_field(key, fields, f"{name} names", where)
        return replace(stream, primary_key=tuple(keys))
    return stream


def _with_replication_key(stream: Stream, about: Mapping[str, Any], fields: Sequence[str], where: str) -> Stream:
    if stream.replication is None:
        raise AssertionError(stream.name)  # the caller has looked
    own = stream.replication.key
    key = about.get("replication-key") or own
    valid = about.get("valid-replication-keys") or [own]
    if own not in valid:
        message = f'the catalog is older than the replication key "{own}" of the configuration'
        raise ConfigError(message, where=where, fix="discover again.")
    if key not in valid:
        message = f'the replication-key "{key}" is not among the valid-replication-keys'
        raise ConfigError(message, where=where, fix=did_you_mean(key, valid))
    if key == own:
        return stream
    _check_field(key, fields, "replication-key names", where)
    return replace(stream, replication=replace(stream.replication, key=key))


def _check_field(key: str, fields: Sequence[str], who: str, where: str) -> None:
    if key not in fields:
        raise ConfigError(f'{who} "{key}", which the schema does not have', where=where, fix=did_you_mean(key, fields))
