"""Rejected records that a mended schema accepts land after all, exactly once; the others stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lake.merge_file import MergeWriter, read_committed, write_rejects
from lake.raw_records import split_lines
from lake.snapshot import rejected_files
from lake.stream_catalog import root_metadata
from target_datalake import layout
from target_datalake.arrow_schema import schema_id, to_document
from target_datalake.commits import StreamCounts
from target_datalake.draft import Draft
from target_datalake.replay import Declared, read_schema
from target_datalake.replay import replay as validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.held_source import HeldSource
    from target_datalake.commits import DataFile
    from target_datalake.config import Config
    from target_datalake.replay import Replayed


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stream's rejected records; `commit` is None where none landed."""

    dataset: str
    commit: int | None
    landed: int
    still_rejected: int


class _WholeFiles:
    """A draft's storage: its files are written whole under `_lake/merge/`, since they take the place of rejects."""

    def __init__(self, held: HeldSource) -> None:
        self._held = held

    def stage(self, key: str, *, private: bool = False) -> MergeWriter:
        return MergeWriter(self._held.storage, key, _merge_key(self._held.source, key), private=private)


def replay_stream(held: HeldSource, stream: str, declared: Declared | None, config: Config) -> ReplayResult:
    """Validate a stream's rejected records again, and land those that are valid now, in one commit.

    A crash leaves each record rejected or landed, never both nor neither: the next run or command finishes.

    Args:
        held: The source.
        stream: The stream's name.
        declared: Its mended schema; None for that of the log's head.
        config: How the stream lands.

    Raises:
        SchemaError: The schemas conflict.
        HeldError: Another writer was first; nothing has changed.
        StorageError: A file is damaged or missing.
    """
    files = rejected_files(held.commits(), stream)
    texts = [split_lines(read_committed(held.storage, file), gzipped=True) for file in files]
    schema = read_schema(held.log, stream, held.head.schemas[stream], declared, config)
    now_us = int(held.now.timestamp() * 1e6)
    draft = Draft(_WholeFiles(held), held.source, held.head.n + 1, lambda: now_us, config.compression)  # type: ignore[arg-type] # it only stages
    lines = [[msgspec.json.decode(line) for line in text] for text in texts]
    done = validate(draft, schema, lines, config, now_us)
    landed = sum(map(sum, done.taken))
    if landed:
        document = to_document(schema)
        held.storage.put_if_absent(layout.schema_key(held.source, stream, schema_id(document)), document)
        _commit(held, draft, (files, texts), done)
    return ReplayResult(
        dataset=f"landing.{held.source}.{stream}",
        commit=held.head.n if landed else None,
        landed=landed,
        still_rejected=sum(map(len, texts)) - landed,
    )


def to_replay_text(results: Sequence[ReplayResult]) -> str:
    """Return what became of the rejected records, a line a stream."""
    lines = []
    for each in results:
        commit = f" with commit {each.commit}" if each.commit else ""
        lines.append(f"{each.dataset}: {each.landed:,} landed{commit}, {each.still_rejected:,} still rejected.")
    return "\n".join(lines) or "No record was rejected."


def _commit(held: HeldSource, draft: Draft, old: tuple[list[DataFile], list[list[bytes]]], done: Replayed) -> None:
    names = held.next_commit()
    names.id = draft.id
    removed, kept = [], []
    for file, text, taken in zip(*old, done.taken, strict=True):
        if any(taken):
            left = [line for line, took in zip(text, taken, strict=True) if not took]
            removed.append(file.key)
            if left:
                kept.append(write_rejects(held.storage, names, file, left))
    data = [msgspec.structs.replace(file, merge_key=_merge_key(held.source, file.key)) for file in done.data]
    landed, stream = sum(map(sum, done.taken)), data[0].stream
    held.commit(
        names,
        "replay",
        add=tuple(data),
        rejected=tuple(kept),
        remove=tuple(removed),
        streams={stream: StreamCounts(received=0, landed=landed, rejected=-landed)},
        schemas={**held.head.schemas, stream: done.schema_id},
    )


def _merge_key(source: str, key: str) -> str:
    return layout.merge_key(source, key.rpartition("/")[2])


def declared_streams(catalog: dict[str, Any]) -> dict[str, Declared]:
    """Return what a Singer catalog declares of each stream."""
    found = {}
    for stream in catalog["streams"]:
        keys = stream.get("key_properties") or root_metadata(stream).get("table-key-properties") or ()
        found[stream.get("stream") or stream["tap_stream_id"]] = Declared(stream.get("schema") or {}, tuple(keys))
    return found
