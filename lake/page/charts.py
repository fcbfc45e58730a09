"""Counts become bars: rectangles on a canvas of 100 units' height, which a page stretches to the room it has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.page.profile import Bar
    from lake.page.run_bars import RunBar

HEIGHT = 100
_SLOT = 10
_BAR = 8
_MIN_SLOTS = 12
"""A few bars keep to the left rather than growing as wide as the page."""

_LEAST = 1.5
"""The height of the least bar that is not nothing."""


@dataclass(frozen=True)
class Rect:
    """A bar, or a part of it; `role` is what it counts."""

    x: float
    y: float
    width: float
    height: float
    role: str
    title: str


@dataclass(frozen=True)
class Chart:
    """Bars on a canvas that is so wide and `HEIGHT` high; `top` is the count that would reach the top."""

    rects: tuple[Rect, ...]
    width: int
    top: int


def run_chart(runs: Sequence[RunBar]) -> Chart:
    """Return a bar a run: rows that landed, and the records that were rejected on top of them."""
    top = _nice_top(max((run.landed + run.rejected for run in runs), default=0))
    rects = [rect for number, run in enumerate(runs) for rect in _stack(number, run, top)]
    return Chart(tuple(rects), _SLOT * max(len(runs), _MIN_SLOTS), top)


def spread_chart(bars: Sequence[Bar]) -> Chart:
    """Return a bar for each range of values."""
    top = max((bar.rows for bar in bars), default=0)
    rects = []
    for number, bar in enumerate(bars):
        height = _height(bar.rows, top)
        title = f"{bar.label}: {bar.rows:,}" if bar.label else ""
        rects.append(Rect(number * _SLOT, HEIGHT - height, _SLOT - 1, height, "landed", title))
    return Chart(tuple(rects), _SLOT * max(len(bars), 1), top)


def _stack(number: int, run: RunBar, top: int) -> list[Rect]:
    x = number * _SLOT + (_SLOT - _BAR) / 2
    rejected = _height(run.rejected, top)
    landed = min(_height(run.landed, top), HEIGHT - rejected)  # the least of rejects is seen on the highest bar too
    title = f"{run.at[:10]}: {run.landed:,} rows{f', {run.rejected:,} rejected' if run.rejected else ''}"
    parts = [
        Rect(x, HEIGHT - landed, _BAR, landed, "landed", title),
        Rect(x, HEIGHT - landed - rejected, _BAR, rejected, "rejected", title),
    ]
    return [part for part in parts if part.height]


def _height(count: int, top: int) -> float:
    return round(max(count / top * HEIGHT, _LEAST), 2) if count else 0


def _nice_top(most: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50, … that is not less."""
    if most <= 1:
        return 1
    power: int = 10 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)
