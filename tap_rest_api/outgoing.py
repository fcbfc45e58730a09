"""Turns a page's records into the lines that are sent: fields masked or left out, and new ones met as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api import records, schemas
from tap_rest_api.edits import edits_of
from tap_rest_api.errors import ConfigError
from tap_rest_api.field_tree import to_tree
from tap_rest_api.infer import infer_field
from tap_rest_api.json_body import decode_loosely
from tap_rest_api.log import LOGGER
from tap_rest_api.messages import record_lines, schema_line
from tap_rest_api.new_fields import new_field_finder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_rest_api.catalog import Selection
    from tap_rest_api.json_body import Slice
    from tap_rest_api.new_fields import Finder


class Outgoing:
    """One selected stream's way out.

    Attributes:
        schema: What SCHEMA says; it grows where "on_new_field" is "widen".
    """

    def __init__(self, selection: Selection, mask_key: str) -> None:
        self.schema = selection.schema
        self._stream = selection.stream
        self._edits = edits_of(self._stream, mask_key, selection.dropped)
        meetings = {"keep": self._keep, "drop": self._drop, "fail": self._fail, "widen": self._widen}
        self._meet = meetings[self._stream.on_new_field]
        self._find: Finder | None = None  # made where a record is first held against the schema

    def schema_line(self) -> bytes:
        """Build the stream's SCHEMA line."""
        bookmark = self._stream.replication.key if self._stream.replication else None
        return schema_line(self._stream.name, self.schema, self._stream.primary_key, bookmark)

    def lines(self, batch: Sequence[Slice], extracted_at: str, version: int | None = None) -> bytes:
        """Build a batch's RECORD lines, behind a wider SCHEMA where they need one.

        Raises:
            ConfigError: There is a new field, and "on_new_field" is "fail".
        """
        edited = records.edit_records(batch, self._edits)
        head, fitting = self._meet(edited)
        return head + record_lines(self._stream.name, fitting, extracted_at, version)

    def _keep(self, batch: Sequence[Slice]) -> tuple[bytes, Sequence[Slice]]:
        return b"", batch

    def _drop(self, batch: Sequence[Slice]) -> tuple[bytes, Sequence[Slice]]:
        found = self._new(batch)
        return b"", records.edit_records(batch, to_tree((path, records.leave_out) for path in found))

    def _fail(self, batch: Sequence[Slice]) -> tuple[bytes, Sequence[Slice]]:
        for path in self._new(batch):
            message = f'stream "{self._stream.name}": a record has the new field "{".".join(path)}"'
            fix = 'discover again, or set "on_new_field" to "keep", "widen" or "drop".'
            raise ConfigError(message, where=f"{self._stream.where}/on_new_field", fix=fix)
        return b"", batch

    def _widen(self, batch: Sequence[Slice]) -> tuple[bytes, Sequence[Slice]]:
        """Declare the new fields as far as the batch shows what they hold; what was only null waits."""
        before = self.schema
        for path, values in self._new(batch).items():
            field = infer_field([decode_loosely(value) for value in values])
            if field:
                self.schema = schemas.add_field(self.schema, path, field)
        if self.schema is before:
            return b"", batch
        self._find = None
        LOGGER.info("%s: the schema is wider now", self._stream.name)
        return self.schema_line(), batch

    def _new(self, batch: Sequence[Slice]) -> dict[tuple[str, ...], list[Slice]]:
        found: dict[tuple[str, ...], list[Slice]] = {}
        self._find = self._find or new_field_finder(self.schema)
        for field in self._find(batch):
            found.setdefault(field.path, []).append(field.value)
        return found
