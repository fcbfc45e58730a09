"""The schemas that a dataset's files were written with become the columns under which they are read together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.outline import explained_damage
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from target_datalake.storage import Storage


class WrittenSchemas:
    """The schema documents of one dataset, each read once: what an id names never changes.

    Args:
        storage: The lake.
        source: The source that lands it, or what its log goes by.
        stream: The stream's name, or the dataset's.
    """

    def __init__(self, storage: Storage, source: str, stream: str) -> None:
        self._storage = storage
        self._source = source
        self._stream = stream
        self._columns: dict[str, pa.Schema] = {}

    def columns(self, schema_id: str) -> pa.Schema:
        """Return the data columns of a schema. Raises StorageError where its document is missing or damaged."""
        from target_datalake.arrow_schema import from_document  # pyarrow takes 250 ms to import

        if schema_id not in self._columns:
            key = layout.schema_key(self._source, self._stream, schema_id)
            with explained_damage(self._storage, key):
                self._columns[schema_id] = from_document(self._storage.read(key)).arrow
        return self._columns[schema_id]

    def unified(self, ids: Iterable[str], latest: str) -> pa.Schema:
        """Return the columns under which files of several schemas are read, with ``_sdc_*`` where they landed.

        Args:
            ids: The schemas of the files.
            latest: The one that has every column, in the order in which they are to be read.
        """
        from lake.tables import unify_schemas  # pyarrow takes 250 ms to import

        before = dict.fromkeys(ids)
        before.pop(latest, None)
        written = [self.columns(schema_id) for schema_id in (*before, latest)]
        zone, _ = layout.split_owner(self._source)
        return unify_schemas(written) if zone == "landing" else unify_schemas(written, ())
