"""A project's zones folder beside a lake that a test fills by hand, and builds of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lake.catalog import Catalog
from lake.spark.session import SparkOptions
from lake.zones.build import Workshop
from lake.zones.builds import Choice, build_all, read_graph
from lake.zones.engines import open_engines

if TYPE_CHECKING:
    from pathlib import Path

    from lake.errors import LakeError
    from lake.zones.built import Built
    from target_datalake.errors import TargetError
    from target_datalake.storage import Storage
    from tests.lake.writer import LakeWriter

NOW_US = 1_769_900_000_000_000


@dataclass
class Bench:
    """Files to build from, and what came of the last build."""

    writer: LakeWriter
    folder: Path
    engine: str = "duckdb"
    spark: SparkOptions = field(default_factory=SparkOptions)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the zones folder, such as ``clean/orders.sql``."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog.over(self.writer.storage)

    def build(
        self, *names: str, select: tuple[str, ...] = (), full: bool = False, storage: Storage | None = None
    ) -> dict[str, Built]:
        """Build, and return what became of each dataset."""
        self.errors: list[LakeError | TargetError] = []
        catalog = Catalog.over(storage) if storage else self.catalog
        graph, known = read_graph(catalog, self.folder)
        engines = open_engines(self.engine, self.spark)
        shop = Workshop(storage or self.writer.storage, catalog, engines, "500MB", "build-1", lambda: NOW_US)
        done = {}
        for turn in build_all(shop, graph, known, Choice(names, select, full)):
            done[turn.built.dataset] = turn.built
            self.errors += [turn.error] if turn.error else []
        return done

    def outcomes(self, *names: str, **options: object) -> dict[str, str]:
        """Build, and return how it went with each dataset."""
        return {name: built.outcome for name, built in self.build(*names, **options).items()}

    def rows(self, name: str) -> list[dict[str, object]]:
        """Return a dataset's rows, in an order of their own."""
        return sorted(Catalog.over(self.writer.storage)[name].read().to_pylist(), key=repr)
