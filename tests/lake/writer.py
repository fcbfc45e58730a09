"""A lake written by hand: what each commit holds is what the test says, on a disk or on S3."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake import layout
from target_datalake.arrow_schema import StreamSchema, file_schema, schema_id, to_document
from target_datalake.commit_log import CommitLog
from target_datalake.commits import ActiveVersion, Commit, DataFile, StreamCounts
from target_datalake.lake_format import check_format
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from target_datalake.storage import Storage
    from tests.places import LakePlace

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOAD_DATE = date(2026, 1, 31)

ID_AND_NAME = pa.schema([("id", pa.int64()), ("name", pa.string())])

JSON_SCHEMA = {
    "type": "object",
    "title": "Orders",
    "description": "What was ordered",
    "properties": {
        "id": {"type": "integer", "description": "The order's number"},
        "name": {"type": ["null", "string"]},
    },
}


@dataclass(frozen=True)
class Part:
    """The rows that a commit adds to one stream, in one file."""

    rows: list[dict[str, Any]]
    stream: str = "orders"
    schema: pa.Schema = ID_AND_NAME
    version: int | None = None
    generation: int = 1
    raw: bool = False
    rejected: tuple[dict[str, Any], ...] = ()


@dataclass
class LakeWriter:
    """Writes commits of one source."""

    place: LakePlace
    source: str = "shop"
    published: list[Commit] = field(default_factory=list)

    @cached_property
    def storage(self) -> Storage:
        """The lake, opened once: making an S3 client takes longer than most tests."""
        return open_storage(self.place.path, scratch=layout.encode_name(self.source), s3=self.place.s3)

    def commit(
        self,
        *parts: Part,
        state: str | None = None,
        activate: dict[str, int] | None = None,
        remove: tuple[str, ...] = (),
        run: str = "run-1",
        publish: bool = True,
    ) -> Commit:
        """Append a commit; unless told otherwise, publish it."""
        storage = self.storage
        check_format(storage, write=True)
        log = CommitLog(storage, self.source)
        head = log.head()
        n = head.n + 1 if head else 1
        ids = {part.stream: self._put_schema(storage, part) for part in parts}
        commit = Commit(
            n=n,
            id=f"{n:016x}",
            parent=head.id if head else "",
            source=self.source,
            run=run,
            committed_at=f"2026-01-31T12:{n % 60:02d}:00+00:00",
            state=state if state is not None else (head.state if head else None),
            streams=_counts(parts),
            schemas={**(head.schemas if head else {}), **ids},
            versions={
                **(head.versions if head else {}),
                **{stream: ActiveVersion(version, n) for stream, version in (activate or {}).items()},
            },
            add=tuple(self._stage(storage, n, index, part, ids) for index, part in enumerate(parts) if part.rows),
            rejected=tuple(self._stage_rejects(storage, n, part, ids) for part in parts if part.rejected),
            remove=remove,
        )
        log.append(commit)
        if publish:
            log.publish(commit)
            self.published.append(commit)
        return commit

    def _put_schema(self, storage: Storage, part: Part) -> str:
        schema = StreamSchema(part.stream, ("id",), JSON_SCHEMA, part.schema, part.generation)
        document = to_document(schema)
        storage.put_if_absent(layout.schema_key(self.source, part.stream, schema_id(document)), document)
        return schema_id(document)

    def _stage(self, storage: Storage, n: int, index: int, part: Part, ids: dict[str, str]) -> DataFile:
        prefix = layout.stream_prefix(self.source, part.stream, part.generation)
        key = layout.data_key(prefix, LOAD_DATE, layout.file_name(n, index, f"{n:016x}"))
        columns = file_schema(
            StreamSchema(part.stream, ("id",), JSON_SCHEMA, part.schema, part.generation), keep_raw=part.raw
        )
        rows = [
            {
                "_sdc_received_at": MOMENT,
                "_sdc_sequence": n << 32 | index << 16 | row,
                "_sdc_table_version": part.version,
                **({"_sdc_raw": json.dumps(values, default=str)} if part.raw else {}),
                **values,
            }
            for row, values in enumerate(part.rows)
        ]
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, columns), buffer)
        return _staged(storage, key, buffer.getvalue(), part, len(rows), ids[part.stream])

    def _stage_rejects(self, storage: Storage, n: int, part: Part, ids: dict[str, str]) -> DataFile:
        key = layout.rejected_key(self.source, part.stream, layout.file_name(n, 90, f"{n:016x}"))
        data = gzip.compress("".join(json.dumps(line) + "\n" for line in part.rejected).encode())
        return _staged(storage, key, data, part, len(part.rejected), ids[part.stream])


def ids(table: pa.Table) -> list[Any]:
    """Return the ids of a table's rows, in their order."""
    return table.column("id").to_pylist()


def numbered(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    """Return rows with these ids."""
    return [{"id": number, "name": f"order {number}", **more} for number in numbers]


def rejected(path: str, message: str) -> dict[str, Any]:
    """Return a line of a rejected-records file."""
    errors = [{"path": path, "schema_path": "/properties", "message": message}]
    return {"stream": "orders", "reason": "schema", "errors": errors, "raw": '{"id":"x"}', "run": "run-1"}


def _counts(parts: tuple[Part, ...]) -> dict[str, StreamCounts]:
    counts: dict[str, StreamCounts] = {}
    for part in parts:
        before = counts.get(part.stream, StreamCounts(0, 0, 0))
        landed, rejects = before.landed + len(part.rows), before.rejected + len(part.rejected)
        counts[part.stream] = StreamCounts(landed + rejects, landed, rejects)
    return counts


def _staged(storage: Storage, key: str, data: bytes, part: Part, rows: int, schema: str) -> DataFile:
    writer = storage.stage(key)
    writer.write(data)
    file = writer.finish()
    return DataFile(
        file.key, part.stream, rows, file.bytes, file.sha256, schema, part.version, file.upload_id, file.parts
    )
