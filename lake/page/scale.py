"""A range of numbers or moments becomes the bars that it is cut into."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

BINS = 20
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Scale:
    """Where a range begins, how wide a bar of it is, and how many there are.

    With a unit a bar ends before the next one begins, as those of whole numbers and of days do; without, it is 0.
    """

    low: float
    step: float
    bins: int
    unit: int

    def labels(self) -> list[str]:
        """Return the numbers from and to which each bar counts."""
        return self._labels(lambda end: f"{round(end):,}" if self.unit else f"{end:,.4g}")

    def moment_labels(self) -> list[str]:
        """Return the moments, UTC, from and to which each bar counts; the places are seconds since 1970."""
        return self._labels(_moment)

    def _labels(self, show: Callable[[float], str]) -> list[str]:
        bounds = [(self.low + self.step * n, self.low + self.step * (n + 1) - self.unit) for n in range(self.bins)]
        return [show(first) if first == last else f"{show(first)} to {show(last)}" for first, last in bounds]


def cut(low: float, high: float, unit: int) -> Scale | None:
    """Cut a range into at most `BINS` bars of one width, a multiple of the unit; None where it has no width."""
    if not unit:
        step = (high - low) / BINS
        return Scale(low, step, BINS, 0) if 0 < step < math.inf else None
    units = math.floor((high - low) / unit) + 1
    each = math.ceil(units / BINS)
    return Scale(low, float(each * unit), math.ceil(units / each), unit)


def _moment(seconds: float) -> str:
    text: str = pc.strftime(pa.scalar(math.floor(seconds), pa.timestamp("s")), "%Y-%m-%d %H:%M").as_py()
    return text.removesuffix(" 00:00")
