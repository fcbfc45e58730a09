"""A stream's schema document becomes what a person wants to know of it, without Arrow."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.storage import Storage


@dataclass(frozen=True)
class ColumnOutline:
    """A column's name, its type as a person reads it, and what the JSON Schema says of it."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class SchemaOutline:
    """What is known of a stream from its schema.

    Attributes:
        description: The JSON Schema's title and description.
        key_properties: Its primary key; empty if it has none, or one that names what is no column.
        columns: Its data columns, in their order.
    """

    description: str
    key_properties: tuple[str, ...]
    columns: tuple[ColumnOutline, ...]


class _Column(msgspec.Struct):
    name: str
    type: str


class _Document(msgspec.Struct):
    key_properties: tuple[str, ...]
    json_schema: dict[str, Any]
    columns: tuple[_Column, ...]


def parse_outline(storage: Storage, key: str) -> SchemaOutline:
    """Return the outline of the schema document under a key.

    Raises:
        StorageError: It is missing or damaged.
    """
    with explained_damage(storage, key):
        document = msgspec.json.decode(storage.read(key), type=_Document)
    properties = document.json_schema.get("properties")
    fields = properties if isinstance(properties, dict) else {}
    columns = [
        ColumnOutline(column.name, column.type, _describe(fields.get(column.name))) for column in document.columns
    ]
    is_key = {*document.key_properties} <= {column.name for column in columns}
    keys = document.key_properties if is_key else ()
    return SchemaOutline(_describe(document.json_schema), keys, tuple(columns))


@contextmanager
def explained_damage(storage: Storage, key: str) -> Iterator[None]:
    """Turn what a damaged schema document raises into an error for people."""
    try:
        yield
    except (ValueError, KeyError) as error:  # msgspec's DecodeError is a ValueError, and so is pyarrow's
        fix = "restore this file from a backup"
        raise StorageError("a schema document is damaged", where=f"{storage.uri}/{key}", fix=fix) from error


def _describe(schema: Any) -> str:
    if not isinstance(schema, dict):
        return ""
    return ": ".join(text for key in ("title", "description") if isinstance(text := schema.get(key), str) and text)
