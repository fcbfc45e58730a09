"""Definitions become an order to build them in, each after those that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from lake.errors import UnknownDatasetError, UsageError
from lake.zones.definition import split_name
from lake.zones.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lake.sandbox import Name
    from lake.zones.definition import Definition
    from lake.zones.names import Names


@dataclass(frozen=True)
class Node:
    """A definition, and the full name of each dataset that it reads, by what its text calls it."""

    definition: Definition
    inputs: Mapping[Name, str]


@dataclass(frozen=True)
class Graph:
    """What is defined, by full name, in an order in which it can be built."""

    nodes: Mapping[str, Node]

    def upstream(self, names: Iterable[str]) -> set[str]:
        """Return what these are built from, themselves included."""
        return self._reach(names, {name: set(node.inputs.values()) for name, node in self.nodes.items()})

    def downstream(self, names: Iterable[str]) -> set[str]:
        """Return what is built from these, themselves included."""
        readers: dict[str, set[str]] = {}
        for name, node in self.nodes.items():
            for read in node.inputs.values():
                readers.setdefault(read, set()).add(name)
        return self._reach(names, readers)

    def _reach(self, names: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
        found, pending = set(), list(names)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending.extend(edges.get(name, ()))
        return found


def to_graph(definitions: Iterable[Definition], names: Names) -> Graph:
    """Return definitions in an order in which they can be built; of several such orders always the same.

    Raises:
        UsageError: One reads what nobody knows, or, on some way, itself; the message shows the way.
    """
    nodes = {each.name: Node(each, _resolve(each, names)) for each in sorted(definitions, key=_rank)}
    sorter = TopologicalSorter({name: [read for read in node.inputs.values() if read in nodes]
                                for name, node in nodes.items()})  # fmt: skip
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        way = list(reversed(error.args[1]))
        where = ", ".join(dict.fromkeys(nodes[name].definition.path or name for name in way))
        fix = "let one of them read something else"
        raise UsageError(f"datasets are built from each other: {' reads '.join(way)}", where=where, fix=fix) from None
    return Graph({name: nodes[name] for name in order})


def select(graph: Graph, names: Sequence[str], patterns: Sequence[str], known: Names) -> tuple[set[str], set[str]]:
    """Return what is to be looked at, and which of it the command line itself names.

    Args:
        graph: All definitions.
        names: Datasets to build together with what they are built from.
        patterns: ``NAME`` for it alone, ``NAME+`` for what is built from it too, ``+NAME`` for what it is built from.
        known: What a name means.

    Raises:
        UsageError: A name is not that of a definition.
    """
    if not names and not patterns:
        return set(graph.nodes), set(graph.nodes)
    named = {_named(graph, name, known, "DATASET") for name in names}
    chosen = graph.upstream(named)
    for pattern in patterns:
        name = _named(graph, pattern.removeprefix("+").removesuffix("+"), known, "--select")
        found = {name}
        found |= graph.downstream([name]) if pattern.endswith("+") else set()
        found |= graph.upstream([name]) if pattern.startswith("+") else set()
        chosen |= found
        named |= found
    return chosen & set(graph.nodes), named & set(graph.nodes)


def _named(graph: Graph, name: str, known: Names, where: str) -> str:
    found = known.resolve(split_name(name))
    if (
        found.startswith("landing.") and not split_name(name)[0] and where == "DATASET"
    ):  # a bare name: what is built, if it is
        found = next((each for each in graph.nodes if each.partition(".")[2] == name), found)
    if found not in graph.nodes and where == "DATASET":
        fix = "name a dataset of the clean or the business zone; `lake build` without a name builds all"
        raise UsageError(f"{found} is not built: it has landed, or is built elsewhere", where=where, fix=fix)
    return found


def _rank(definition: Definition) -> tuple[int, str]:
    return (0 if definition.zone == "clean" else 1, definition.dataset)


def _resolve(definition: Definition, names: Names) -> dict[Name, str]:
    found = {}
    for table in definition.tables:
        try:
            found[table] = names.resolve(table)
        except UnknownDatasetError as error:
            where = place_of(definition, table[1])
            raise UsageError(f"{definition.name}: {error.message}", where=where, fix=error.fix) from None
    return found
