"""Contenders become results: each takes its turn in every round, so that a ratio is one of neighbours in time."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure import Cost, FailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True)
class Contender:
    """What is measured.

    Attributes:
        run: Does the work once.
        records: How many it goes through.
        rounds: How many rounds it takes part in at most: a slow one need not hold up all.
    """

    name: str
    run: Callable[[], Cost]
    records: int
    rounds: int = sys.maxsize


@dataclass(frozen=True)
class Trial:
    """Contenders at one task."""

    name: str
    title: str
    contenders: Sequence[Contender]


@dataclass(frozen=True)
class Result:
    """How one contender did, a cost for each round; or why it did not."""

    name: str
    records: int
    costs: tuple[Cost, ...] = ()
    failure: str = ""

    @property
    def rate(self) -> float:
        """Records a second, of the median round."""
        return statistics.median(self.rates)

    @property
    def rates(self) -> list[float]:
        """Records a second, round by round."""
        return [self.records / cost.wall_seconds for cost in self.costs]

    @property
    def cpu_microseconds(self) -> float:
        """CPU time a record, of the median round."""
        return statistics.median(cost.cpu_seconds for cost in self.costs) / self.records * 1e6

    @property
    def wall_seconds(self) -> float:
        """Of the median round."""
        return statistics.median(cost.wall_seconds for cost in self.costs)

    @property
    def cpu_seconds(self) -> float:
        """Of the median round."""
        return statistics.median(cost.cpu_seconds for cost in self.costs)

    @property
    def peak_mib(self) -> float:
        """The most of any round."""
        return max(cost.peak_mib for cost in self.costs)


def run_rounds(contenders: Iterable[Contender], rounds: int, tell: Callable[[str], None]) -> list[Result]:
    """Let each contender take its turn in every round. One that fails takes no further part."""
    contenders = list(contenders)
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for contender in contenders:
            if number >= contender.rounds or contender.name in failures:
                continue
            try:
                cost = contender.run()
            except FailedError as error:
                failures[contender.name] = str(error)
                tell(f"  {contender.name}: {error}")
                continue
            costs[contender.name].append(cost)
            rate = contender.records / cost.wall_seconds
            tell(f"  {contender.name:44}{rate:>12,.0f}/s{cost.wall_seconds:>9.2f} s{cost.peak_mib:>7.0f} MiB")
    return [
        Result(each.name, each.records, tuple(costs[each.name]), failures.get(each.name, "")) for each in contenders
    ]


def median_ratio(left: Sequence[float], right: Sequence[float]) -> float:
    """Return how many times `right` the `left` is, in the median of the rounds that both took part in."""
    return statistics.median(ours / theirs for ours, theirs in zip(left, right, strict=False))
