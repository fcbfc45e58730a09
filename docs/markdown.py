"""Turns rows into a table of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"|": r"\|", "<": "&lt;", "*": r"\*", "_": r"\_", "[": r"\[", "]": r"\]", "\n": " "})


def to_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_cell(text: str) -> str:
    """Return a plain text as Markdown; what stands between backticks stays as it is."""
    parts = text.split("`")
    return "`".join(part if index % 2 else part.translate(_ESCAPED) for index, part in enumerate(parts))
