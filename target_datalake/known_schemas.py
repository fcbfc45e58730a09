"""A SCHEMA message → how its stream's records are read and land from now on, joined with what has landed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_datalake import layout
from target_datalake.arrow_schema import from_document, join, schema_id, stream_schema, to_document
from target_datalake.columnar.parser import make_parser
from target_datalake.draft import Rows
from target_datalake.partition import plan_partitions
from target_datalake.sink import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from target_datalake.arrow_schema import StreamSchema
    from target_datalake.commit_log import CommitLog
    from target_datalake.config import Config
    from target_datalake.messages import Schema


class KnownSchemas:
    """The schemas of the streams of one run.

    Args:
        log: The source's log: schema documents stand beside it.
        config: The target's options.

    Attributes:
        ids: The id of each stream's schema document, once the stream's SCHEMA has come.
    """

    def __init__(self, log: CommitLog, config: Config) -> None:
        self._log, self._config = log, config
        self._schemas: dict[str, StreamSchema] = {}
        self.ids: dict[str, str] = {}

    def take(
        self, message: Schema, landed_ids: Mapping[str, str], find_wide: Callable[[], Container[str]]
    ) -> Shape | None:
        """Return how the stream's records are read from now on; None if nothing changes. Its document is written first.

        Args:
            message: What the tap declares.
            landed_ids: The schema ids of the log's head.
            find_wide: Asked for the columns that hold integers past ±2^53, see `join`.

        Raises:
            SchemaError: The schema cannot be used, or conflicts with what has landed.
            ConfigError: The stream cannot be partitioned as the options say.
        """
        stream, options = message.stream, self._config.stream(message.stream)
        landed = self._schemas.get(stream) or self._read(stream, landed_ids.get(stream))
        received = stream_schema(stream, message.schema, message.key_properties)
        schema = join(landed, received, on_change=options.on_schema_change, find_wide=find_wide)
        if self._schemas.get(stream) == schema:
            return None
        partitioning = plan_partitions(stream, options.partition_by, schema.arrow)
        document = to_document(schema)
        name = schema_id(document)
        self._log.storage.put_if_absent(layout.schema_key(self._log.source, stream, name), document)
        self._schemas[stream], self.ids[stream] = schema, name
        parser = make_parser(schema, formats=self._config.formats, keep_raw=options.keep_raw)
        return Shape(parser, Rows(stream, parser.arrow_schema, name, schema.generation), partitioning)

    def _read(self, stream: str, name: str | None) -> StreamSchema | None:
        """Return the schema that a stream has in the lake."""
        if name is None:
            return None
        return from_document(self._log.storage.read(layout.schema_key(self._log.source, stream, name)))
