"""A project's zones become built: every dataset after those that it is built from, as far as nothing failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.zones.build import Built, build
from lake.zones.defaults import default_definitions
from lake.zones.definition import read_definitions
from lake.zones.graph import select, to_graph
from lake.zones.names import Names
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lake.catalog import Catalog
    from lake.zones.build import Workshop
    from lake.zones.graph import Graph


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


def build_all(
    shop: Workshop, graph: Graph, names: Names, choice: Choice
) -> Iterator[tuple[Built, LakeError | TargetError | None]]:
    """Build what is chosen, and yield what became of each dataset, with the error of one that failed.

    What is built from one that failed is skipped; everything else is built.

    Raises:
        UsageError: What is chosen is not there.
    """
    chosen, named = select(graph, choice.names, choice.patterns, names)
    broken: set[str] = set()
    for name, node in graph.nodes.items():
        if name not in chosen:
            continue
        blockers = sorted(broken & set(node.inputs.values()))
        if blockers:
            broken.add(name)
            yield Built(dataset=name, outcome="skipped", reason=f"{blockers[0]} failed"), None
            continue
        try:
            yield build(shop, node, full=choice.full and name in named), None
        except (LakeError, TargetError) as error:
            broken.add(name)
            yield Built(dataset=name, outcome="failed", reason=error.message, exit_code=error.exit_code), error
