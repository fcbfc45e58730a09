"""A word of a definition's text becomes the place where it stands, for messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lake.zones.definition import Definition

_LINE = re.compile(r"\bLINE (\d+):")
_QUOTED = re.compile(r'"([^"]+)"')
_NAMED = re.compile(r'"([^"]+)"|\bwith name (\S+) does not exist')
_LITERAL = re.compile(r"'[^']*'")


def place_of(definition: Definition, word: str) -> str:
    """Return the file of a definition and the first line of it that has a word, below its header if it is there."""
    name = definition.path or f"the default of {definition.name}"
    lines = definition.text.split("\n")
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    found = [number for number, line in enumerate(lines, 1) if pattern.search(line)]
    below = [number for number in found if not lines[number - 1].lstrip().startswith(("--", "#"))]
    return f"{name}:{(below or found)[0]}" if found else name


def place_of_error(definition: Definition, message: str) -> str:
    """Return where DuckDB found fault: the line that its message names, or the first with a name that it quotes."""
    line = _LINE.search(message)
    if line:
        return f"{definition.path or definition.name}:{line[1]}"
    named = _NAMED.search(message)
    return place_of(definition, named[1] or named[2]) if named else definition.path or definition.name


def without_literals(message: str) -> str:
    """Return a message of a query at work without what it quotes: that may be a record's value."""
    return _LITERAL.sub("'…'", _QUOTED.sub('"…"', message))
