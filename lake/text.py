"""Rows become a table for people: drawn on a terminal, in plain aligned columns anywhere else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")
_AGE_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def to_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str], terminal: bool) -> str:
    """Return rows under a header, one line each.

    Args:
        header: The names of the columns.
        rows: Their cells. Control characters are shown, not obeyed.
        right: The columns whose cells are aligned at their right.
        terminal: Draw it for a terminal, as wide as that is.
    """
    cells = [[escape(cell) for cell in row] for row in rows]
    return _drawn(header, cells, right) if terminal else _plain(header, cells, right)


def to_bytes(count: int) -> str:
    """Return a size as people write it, in powers of 1,000."""
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_BYTE_UNITS) - 1:  # noqa: PLR2004 - rounds to 1000, which is the next unit's 1
        size, unit = size / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{size:.1f} {_BYTE_UNITS[unit]}"


def to_age(seconds: float) -> str:
    """Return a span of time in its largest unit."""
    for span, unit in _AGE_UNITS:
        if seconds >= span:
            return f"{seconds / span:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def to_minute(time: datetime) -> str:
    """Return a time, UTC, as a person reads it."""
    return f"{time:%Y-%m-%d %H:%M}Z"


def shorten(text: str, width: int) -> str:
    """Return a text of at most `width` characters, with a mark where it was cut."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _plain(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _drawn(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> str:
    from rich.box import SIMPLE_HEAD  # rich takes 60 ms to import, and only a terminal needs it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get().strip("\n")
