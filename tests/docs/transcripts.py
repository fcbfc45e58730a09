"""Turns a page's console blocks into commands with what they print, and tells what of it was not printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ELLIPSIS = "…"
"""A whole line: any lines. In a line: any text."""

DIFFERS = (
    (r"127\.0\.0\.1:\d+", "<host>"),
    (r"\b\d{8}T\d{6}Z-[0-9a-f]{8}\b", "<run>"),
    (r"\b\d[\d,.]* (?:B|kB|MB|GB|bytes)(?=\W|$)", "<size>"),
    (r"(<size>) +\d+\.\d\b", r"\1 <seconds>"),
    (r"  +", " "),
)
"""What no two runs have alike, and what stands in its place; the columns of a table are as wide as what is in them."""


class Step(NamedTuple):
    """A command, and the lines that it is shown to print."""

    command: str
    lines: Sequence[str]


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each fenced block as language, content, and the last line of text before it."""
    for match in re.finditer(r"([^\n]*)\n\n```(\w+)\n(.*?)```", text, re.DOTALL):
        yield match[2], match[3], match[1]


def steps(block: str) -> list[Step]:
    """Return the commands of a console block, each with the lines up to the next one."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Step(lines[0], [line for line in lines[1:] if line.strip()]) for lines in map(str.splitlines, parts)]


def normalise(line: str) -> str:
    """Return a line without what no two runs have alike."""
    for pattern, instead in DIFFERS:
        line = re.sub(pattern, instead, line)
    return line.strip()


def first_missing(shown: Sequence[str], printed: str) -> str | None:
    """Return the first shown line that was not printed in its order, or None.

    Without an ellipsis between them lines follow one another, and the first and the last one are the output's.
    """
    text = "".join(f"{normalise(line)}\n" for line in printed.splitlines() if line.strip())
    pattern = ""
    for line in shown:
        any_lines = line.strip() == ELLIPSIS
        pattern += r"(?:.*\n)*?" if any_lines else ".*?".join(map(re.escape, normalise(line).split(ELLIPSIS))) + r"\n"
        if not re.match(pattern, text):
            return line
    return None if re.fullmatch(pattern, text) else f"nothing more after: {shown[-1] if shown else 'the command'}"
