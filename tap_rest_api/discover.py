"""Turns the configuration, and samples where it gives no schema, into Singer's catalog."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import begin
from tap_rest_api.catalog import keep_selections, to_entry
from tap_rest_api.contexts import contexts
from tap_rest_api.edits import edits_of, shaped_schema
from tap_rest_api.infer import infer_schema
from tap_rest_api.json_body import decode_loosely
from tap_rest_api.log import LOGGER
from tap_rest_api.records import edit_records
from tap_rest_api.streams import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_rest_api.config import Stream
    from tap_rest_api.unit import Source

_SAMPLED_PARENTS = 20  # a child whose first twenty parents have no records is left without a sample


def discover(source: Source, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Build the catalog of every stream.

    Args:
        source: Asked only for streams without a schema.
        previous: An earlier catalog, whose selections stay.

    Raises:
        TapError: A stream cannot be sampled.
    """
    entries = [to_entry(stream, _schema_of(source, stream)) for stream in source.config.streams]
    catalog: dict[str, Any] = {"streams": entries}
    return keep_selections(catalog, previous) if previous is not None else catalog


def _schema_of(source: Source, stream: Stream) -> Mapping[str, Any]:
    if stream.schema is not None:
        return shaped_schema(stream, stream.schema)
    records = list(islice(_sample(source, stream), stream.sample))
    if not records:
        LOGGER.warning('%s: no records to infer a schema from; give it a "schema"', stream.name)
    _warn_of_missing(stream, "primary_key", stream.primary_key, records)
    schema = infer_schema(records, stream.primary_key)
    if stream.replication is not None:
        _warn_of_missing(stream, "replication", [stream.replication.key], records)
        schema["properties"].setdefault(stream.replication.key, {})
    return schema


def _warn_of_missing(stream: Stream, option: str, keys: Iterable[str], records: Sequence[Mapping[str, Any]]) -> None:
    """Warn of keys that no sampled record has: misspelt ones, most likely, without which no bookmark moves."""
    for key in keys:
        if records and not any(key in record for record in records):
            LOGGER.warning(
                '%s: none of the %d records sampled has "%s", which "%s" names; they have: %s',
                stream.name, len(records), key, option, ", ".join(records[0]),
            )  # fmt: skip


def _sample(source: Source, stream: Stream) -> Iterator[Any]:
    edits = edits_of(stream, source.config.mask_key)
    for context in islice(contexts(source, stream), _SAMPLED_PARENTS):
        for batch in read(source, stream, context, begin(stream.replication, None)):
            for record in edit_records(batch.records, edits):
                yield decode_loosely(record)
