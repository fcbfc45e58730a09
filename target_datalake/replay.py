"""Rejected records go through validation once more: lines of rejects files → data files, and which lines they took.

A row that lands now keeps the sequence that its record would have had, its table version and its `time_extracted`.
"""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake import layout
from target_datalake.arrow_schema import from_document, join, schema_id, stream_schema, to_document
from target_datalake.data_files import DataFiles
from target_datalake.draft import Draft, Rows
from target_datalake.partition import plan_partitions
from target_datalake.rows import RowParser
from target_datalake.runs import to_run
from target_datalake.wide_integers import landed_wide_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_datalake.arrow_schema import StreamSchema
    from target_datalake.commit_log import CommitLog
    from target_datalake.commits import DataFile
    from target_datalake.config import Config


@dataclass(frozen=True)
class Declared:
    """What a catalog says of a stream: the schema that was mended."""

    json_schema: dict[str, Any]
    key_properties: tuple[str, ...]


@dataclass(frozen=True)
class Replayed:
    """What a replay came to.

    Attributes:
        data: The data files with the rows that are valid now.
        taken: Of each file of rejected records, which of its lines they are.
        schema_id: The schema that they follow.
    """

    data: tuple[DataFile, ...]
    taken: tuple[tuple[bool, ...], ...]
    schema_id: str


def read_schema(log: CommitLog, stream: str, landed_id: str, declared: Declared | None, config: Config) -> StreamSchema:
    """Return the schema to replay under: the landed one, joined with what a catalog declares.

    Raises:
        SchemaError: They conflict, or the declared one cannot be used.
    """
    landed = from_document(log.storage.read(layout.schema_key(log.source, stream, landed_id)))
    if declared is None:
        return landed
    received = stream_schema(stream, declared.json_schema, declared.key_properties)
    on_change = config.stream(stream).on_schema_change
    return join(landed, received, on_change=on_change, find_wide=lambda: landed_wide_columns(log, stream))


def replay(
    draft: Draft, schema: StreamSchema, files: Iterable[Sequence[dict[str, Any]]], config: Config, now_us: int
) -> Replayed:
    """Validate the lines of rejects files of one stream, and write the rows that are valid now.

    Args:
        draft: Opens the data files.
        schema: What to validate against.
        files: The lines of each file, decoded.
        config: How the stream lands: formats, partitions, whether the text of records is kept.
        now_us: Microseconds since 1970, UTC.
    """
    options = config.stream(schema.stream)
    parser = RowParser(schema, formats=config.formats, keep_raw=options.keep_raw)
    rows = Rows(schema.stream, parser.arrow_schema, schema_id(to_document(schema)), schema.generation)
    partitioning = plan_partitions(schema.stream, options.partition_by, schema.arrow)
    data, taken = DataFiles(), []
    for lines in files:
        took: list[bool] = []
        for commit, group in itertools.groupby(lines, key=lambda line: int(line["commit"])):
            batch = [(line["line"], _to_message(line)) for line in group]
            runs = [to_run([message], number, now_us) for number, message in batch if message]
            parsed = parser.parse(runs, commit=commit, batched_at_us=now_us)
            refused = {reject.line for reject in parsed.rejects}
            data.write(parsed.batch, rows, partitioning, draft)
            took += [bool(message) and number not in refused for number, message in batch]
        taken.append(tuple(took))
    return Replayed(data.finish(draft), tuple(taken), rows.schema_id)


def _to_message(line: dict[str, Any]) -> bytes:
    """Return the RECORD message that a line was rejected from; empty where its text was not kept."""
    raw = line["raw"].encode() if "raw" in line else base64.b64decode(line.get("raw_base64", ""))
    if not raw:
        return b""
    origin = {key: line[key] for key in ("time_extracted", "version") if line.get(key) is not None}
    rest = msgspec.json.encode({"type": "RECORD", "stream": line["stream"], **origin})
    return rest[:-1] + b',"record":' + raw + b"}"
