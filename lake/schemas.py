"""The schema documents of a source, each read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.outline import explained_damage
from target_datalake import layout
from target_datalake.arrow_schema import from_document

if TYPE_CHECKING:
    from target_datalake.arrow_schema import StreamSchema
    from target_datalake.storage import Storage


class Schemas:
    """What a source's streams looked like, by schema id."""

    def __init__(self, storage: Storage, source: str) -> None:
        self._storage, self._source = storage, source
        self._read: dict[tuple[str, str], StreamSchema] = {}

    def of(self, stream: str, schema: str) -> StreamSchema:
        """Return a stream's schema by its id. Raises StorageError if it is missing or damaged."""
        if (stream, schema) not in self._read:
            key = layout.schema_key(self._source, stream, schema)
            with explained_damage(self._storage, key):
                self._read[stream, schema] = from_document(self._storage.read(key))
        return self._read[stream, schema]
