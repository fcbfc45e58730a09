"""A project's zones become built: every dataset after those that it is built from, as far as nothing failed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.zones.build import build
from lake.zones.build_records import keep_record
from lake.zones.built import Built
from lake.zones.defaults import default_definitions
from lake.zones.definition import read_definitions
from lake.zones.graph import select, to_graph
from lake.zones.names import Names
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lake.catalog import Catalog
    from lake.runs import RunRecord
    from lake.zones.build import Workshop
    from lake.zones.graph import Graph, Node


@dataclass(frozen=True)
class Choice:
    """What the command line says about a build.

    Attributes:
        names: Datasets to build, with what they are built from; empty (and no patterns) for all.
        patterns: What `--select` says.
        full: Read all rows and make what is named anew, whether or not anything changed.
    """

    names: Sequence[str] = ()
    patterns: Sequence[str] = ()
    full: bool = False


def read_graph(catalog: Catalog, folder: Path) -> tuple[Graph, Names]:
    """Return all that can be built in a lake, in order: what the zones folder defines, and the defaults.

    Raises:
        UsageError: A definition is not what it should be, reads what nobody knows, or reads itself.
        QueryError: Its SQL is no single query.
    """
    datasets = catalog.datasets()
    definitions = read_definitions(folder)
    definitions += default_definitions(datasets, definitions)
    names = Names(datasets, definitions)
    return to_graph(definitions, names), names


@dataclass(frozen=True)
class Turn:
    """A dataset's turn in a build, once it is over.

    Attributes:
        built: What became of it.
        error: Why it failed; None if it did not.
        record: The run record that was kept, where there was news: it failed, or no longer does.
    """

    built: Built
    error: LakeError | TargetError | None = None
    record: RunRecord | None = None


def build_all(shop: Workshop, graph: Graph, names: Names, choice: Choice) -> Iterator[Turn]:
    """Build what is chosen, and yield what became of each dataset.

    What is built from one that failed is skipped; everything else is built.

    Raises:
        UsageError: What is chosen is not there.
    """
    chosen, named = select(graph, choice.names, choice.patterns, names)
    nodes = {name: node for name, node in graph.nodes.items() if name in chosen}
    shop.watch.planned(list(nodes))
    broken: set[str] = set()
    for name, node in nodes.items():
        blockers = sorted(broken & set(node.inputs.values()))
        turn = _skip(name, blockers[0]) if blockers else _build(shop, node, full=choice.full and name in named)
        if turn.built.outcome in {"failed", "skipped"}:
            broken.add(name)
        shop.watch.ended(turn.built)
        yield turn


def _skip(name: str, blocker: str) -> Turn:
    return Turn(Built(dataset=name, outcome="skipped", reason=f"{blocker} failed"))


def _build(shop: Workshop, node: Node, *, full: bool) -> Turn:
    name, error, began = node.definition.name, None, time.monotonic()
    shop.watch.began(name)
    try:
        built = build(shop, node, full=full)
    except (LakeError, TargetError) as failure:
        seconds, error = round(time.monotonic() - began, 3), failure
        built = Built(
            dataset=name, outcome="failed", reason=failure.message, seconds=seconds, exit_code=failure.exit_code
        )
    return Turn(built, error, keep_record(shop.storage, shop.run, node.definition, built))
