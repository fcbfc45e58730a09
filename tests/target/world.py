"""A target in this process: message lines in, a lake and printed STATEs out."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.config import Config, to_config
from target_datalake.input import Batch
from target_datalake.message_reader import MessageReader
from target_datalake.stores import open_storage
from target_datalake.target import Clocks, Target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_datalake.storage import Storage
    from tests.places import LakePlace

SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}},
}


def schema(stream: str = "orders", document: dict[str, Any] = SCHEMA) -> str:
    return json.dumps({"type": "SCHEMA", "stream": stream, "schema": document, "key_properties": ["id"]})


def record(number: Any, stream: str = "orders", **more: Any) -> str:
    return json.dumps({"type": "RECORD", "stream": stream, "record": {"id": number}, **more})


def records(numbers: Iterable[int], stream: str = "orders", **more: Any) -> list[str]:
    return [record(number, stream, **more) for number in numbers]


def state(value: Any, **more: Any) -> str:
    return json.dumps({"type": "STATE", "value": {"at": value, **more}})


@dataclass
class Clock:
    """Time that moves only when a test says so."""

    seconds: float = 1_700_000_000.0

    def clocks(self) -> Clocks:
        return Clocks(lambda: int(self.seconds * 1e6), lambda: self.seconds)


@dataclass
class World:
    """A lake of one source and what runs of the target printed."""

    place: LakePlace
    folder: Path
    source: str = "shop"
    printed: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def config(self, **options: Any) -> Config:
        return to_config({**self.place.target_config, "source": self.source, **options}, self.folder)

    @cached_property
    def storage(self) -> Storage:
        """The lake, opened once: making an S3 client takes longer than most tests."""
        return open_storage(self.place.path, scratch=layout.encode_name(self.source), s3=self.place.s3)

    @property
    def log(self) -> CommitLog:
        return CommitLog(self.storage, self.source)

    def start(self, **options: Any) -> Target:
        """Start a run, as the command does."""
        log = self.log
        return Target(log, log.recover(), self.config(**options), "run", self.printed.append, self.clock.clocks())

    def feed(self, target: Target, *lines: str) -> None:
        target.run(
            MessageReader(self.clock.clocks().now_us).read([Batch("".join(f"{line}\n" for line in lines).encode())])
        )

    def run(self, *lines: str, tap_succeeded: bool | None = None, **options: Any) -> Target:
        """Run the target over lines to their end."""
        target = self.start(**options)
        self.feed(target, *lines)
        target.finish(tap_succeeded=tap_succeeded)
        return target

    def glob(self, stream: str = "orders") -> pa.Table:
        """Return what a plain glob over the stream's folder sees, in the order of arrival."""
        storage = self.log.storage
        keys = [file.key for file in storage.list(layout.stream_prefix(self.source, stream))]
        tables = [pq.read_table(pa.BufferReader(storage.read(key))) for key in keys]
        return pa.concat_tables(tables, promote_options="default").sort_by("_sdc_sequence") if tables else pa.table({})

    def ids(self, stream: str = "orders") -> list[int]:
        table = self.glob(stream)
        return table.column("id").to_pylist() if table.num_columns else []

    def rejected(self, stream: str = "orders") -> list[dict[str, Any]]:
        storage = self.log.storage
        prefix = f"{layout.rejected_prefix(self.source)}/{stream}"
        return [
            json.loads(line)
            for file in storage.list(prefix)
            for line in gzip.decompress(storage.read(file.key)).splitlines()
        ]

    def staged(self) -> int:
        """Return how many files are staged, by sweeping them."""
        prefixes = (f"landing/{self.source}", layout.rejected_prefix(self.source))
        return self.log.storage.sweep(prefixes, lambda _: True)
