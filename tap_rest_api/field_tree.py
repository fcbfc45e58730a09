"""Turns the paths of fields into a tree that can be walked beside a record or a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

Tree = dict[str, "Tree[T] | T"]
"""By field: what is to happen to it, or the tree of the fields below it. Arrays on the way stand for their elements."""


def to_tree(fields: Iterable[tuple[Sequence[str], T]]) -> Tree[T]:
    """Build a tree. Where one path leads through another, the shorter one stands: its field is gone as a whole."""
    tree: Tree[T] = {}
    for path, what in sorted(fields, key=lambda field: len(field[0])):
        level = tree
        for key in path[:-1]:
            below = level.setdefault(key, {})
            if not isinstance(below, dict):
                break
            level = below
        else:
            level.setdefault(path[-1], what)
    return tree


def parse_path(path: str) -> list[list[str]]:
    """Read a path such as `address.street` or `items[].price`, as the keys that lead to its field.

    A key of a record may hold dots itself: the path is then read in both ways.
    """
    keys = path.replace("[]", "").split(".")
    return [keys] if len(keys) == 1 else [[path], keys]
