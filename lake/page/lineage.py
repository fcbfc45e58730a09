"""What each dataset reads becomes a drawing: a box for each, from the sources at the left to what is made last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BOX_WIDTH = 190
BOX_HEIGHT = 34
_COLUMN = 270
_ROW = 48
_MARGIN = 8


@dataclass(frozen=True)
class Node:
    """A source or a dataset; `zone` is ``source`` for the former, and `href` empty."""

    name: str
    label: str
    zone: str
    href: str = ""


@dataclass(frozen=True)
class Box:
    """A node, where it is drawn."""

    node: Node
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """A graph as it is drawn: boxes, the curves between them as SVG paths, its size, and what it says in words."""

    boxes: tuple[Box, ...]
    curves: tuple[str, ...]
    width: int
    height: int
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes by their name, and for each name those that it is made from."""

    nodes: Mapping[str, Node]
    inputs: Mapping[str, Sequence[str]]

    def around(self, name: str) -> Graph:
        """Return the part of it that leads to a node, or comes from it."""
        outputs: dict[str, list[str]] = {}
        for made, inputs in self.inputs.items():
            for each in inputs:
                outputs.setdefault(each, []).append(made)
        kept = _reach(name, self.inputs) | _reach(name, outputs)
        nodes = {each: node for each, node in self.nodes.items() if each in kept}
        return Graph(nodes, {made: inputs for made, inputs in self.inputs.items() if made in kept})


def draw(graph: Graph) -> Drawing:
    """Place each node in the column after its last input's, and within a column beside what it is made from."""
    depths = _depths(graph)
    columns: dict[int, list[str]] = {}
    for name in graph.nodes:
        columns.setdefault(depths[name], []).append(name)
    places: dict[str, tuple[int, int]] = {}
    for depth, names in sorted(columns.items()):
        ordered = sorted(names, key=lambda name: (_height_of_inputs(graph, name, places), graph.nodes[name].label))
        places |= {name: (depth, row) for row, name in enumerate(ordered)}
    boxes = tuple(Box(graph.nodes[name], *_corner(*place)) for name, place in places.items())
    edges = [(each, made) for made in places for each in graph.inputs.get(made, ()) if each in places]
    return Drawing(
        boxes=boxes,
        curves=tuple(_curve(places[each], places[made]) for each, made in edges),
        width=max((box.x + BOX_WIDTH for box in boxes), default=0) + _MARGIN,
        height=max((box.y + BOX_HEIGHT for box in boxes), default=0) + _MARGIN,
        sentences=tuple(_sentence(graph, made) for made in places if graph.inputs.get(made)),
    )


def _reach(name: str, following: Mapping[str, Sequence[str]]) -> set[str]:
    found, coming = {name}, [name]
    while coming:
        new = [each for each in following.get(coming.pop(), ()) if each not in found]
        found.update(new)
        coming += new
    return found


def _depths(graph: Graph) -> dict[str, int]:
    """Return each node's column. A ring, which no log of ours has, ends the search after as many steps as nodes."""
    depths = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:
        before = dict(depths)
        for made in graph.nodes:
            depths[made] = max((before[each] + 1 for each in graph.inputs.get(made, ()) if each in before), default=0)
        if depths == before:
            break
    return depths


def _height_of_inputs(graph: Graph, name: str, places: Mapping[str, tuple[int, int]]) -> float:
    rows = [places[each][1] for each in graph.inputs.get(name, ()) if each in places]
    return sum(rows) / len(rows) if rows else 0.0


def _corner(depth: int, row: int) -> tuple[int, int]:
    return _MARGIN + depth * _COLUMN, _MARGIN + row * _ROW


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = _corner(*start), _corner(*end)
    x1, y1, y2 = x1 + BOX_WIDTH, y1 + BOX_HEIGHT // 2, y2 + BOX_HEIGHT // 2
    bend = (x2 - x1) // 2
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _sentence(graph: Graph, made: str) -> str:
    inputs: Iterable[str] = (graph.nodes[each].label for each in graph.inputs[made] if each in graph.nodes)
    return f"{graph.nodes[made].label} is made from {', '.join(inputs)}."
