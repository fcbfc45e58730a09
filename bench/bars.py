"""Results become verdicts: each figure that is to be reached, what it came to, and whether it was."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from bench.rounds import Result, median_ratio

T = TypeVar("T")

Results = Mapping[str, Mapping[str, Result]]
"""By trial and contender."""

DLT, DLT_REST = "dlt 1.31, lines to Parquet", "dlt 1.31, REST to Parquet"
PARQUET_TARGET = "target-s3 0.1 (Meltano SDK), to Parquet"
BARE_FETCH = "floor: requests and msgspec"
BARE_PARQUET = "floor: pyarrow parses and writes, 2 cores"


@dataclass(frozen=True)
class Bar:
    """A figure to reach.

    Attributes:
        what: Of what.
        wanted: The figure, for a reader.
        least: What it must be at least; None where less is better.
        most: What it may be at most.
        measured: Computes it. Raises LookupError or StatisticsError where a contender did not take part.
        form: How it is written.
        dominates: Says where the time goes, for a reader who finds the bar missed.
    """

    what: str
    wanted: str
    measured: Callable[[Results], float]
    form: str
    least: float | None = None
    most: float | None = None
    dominates: Callable[[Results], str] | None = None


@dataclass(frozen=True)
class Verdict:
    """A bar and what came of it, None where it could not be measured; and for one that was missed, why."""

    bar: Bar
    measured: float | None
    reason: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the bar was reached."""
        if self.measured is None:
            return None
        above = self.bar.least is None or self.measured >= self.bar.least
        return above and (self.bar.most is None or self.measured <= self.bar.most)


def judge(results: Results) -> list[Verdict]:
    """Hold the results against the bars."""
    return [_judge(bar, results) for bar in BARS]


def _judge(bar: Bar, results: Results) -> Verdict:
    verdict = Verdict(bar, _found(bar.measured, results))
    if bar.dominates is None or verdict.is_met is not False:
        return verdict
    return replace(verdict, reason=_found(bar.dominates, results) or "")


def _found(look: Callable[[Results], T], results: Results) -> T | None:
    """Look something up, if its contenders took part."""
    try:
        return look(results)
    except (LookupError, statistics.StatisticsError):
        return None


def _rate(trial: str, name: str) -> Callable[[Results], float]:
    return lambda results: results[trial][name].rate


def _times(trial: str, name: str, other: str) -> Callable[[Results], float]:
    """Return how many times as many records a second one does, in the same rounds."""
    return lambda results: median_ratio(results[trial][name].rates, results[trial][other].rates)


def _peak(trial: str, name: str) -> Callable[[Results], float]:
    return lambda results: _present(results[trial][name]).peak_mib


def _present(result: Result) -> Result:
    if not result.costs:
        raise LookupError(result.name)
    return result


def _slower(results: Results) -> float:
    """Return the time a record of a long run, over that of a shorter one."""
    return 1 / median_ratio(results["growth"][_long(results)].rates, results["growth"]["as above"].rates)


def _more_memory(results: Results) -> float:
    growth = results["growth"]
    return _present(growth[_long(results)]).peak_mib - _present(growth["as above"]).peak_mib


def _long(results: Results) -> str:
    return next(name for name in results["growth"] if name != "as above")


_COUNT, _TIMES, _MIB, _SECONDS = "{:,.0f} records/s", "{:.1f} ×", "{:.0f} MiB", "{:.2f} s"


def _why_target(results: Results) -> str:
    return f"bare pyarrow, which checks nothing, does {results['target'][BARE_PARQUET].rate:,.0f}/s on both cores here"


def _why_tap(results: Results) -> str:
    floor = results["tap"][BARE_FETCH].rate
    return f"bare requests and msgspec do {floor:,.0f}/s here; the rest goes into keys, order, bookmarks and imports"


def _why_lake(results: Results) -> str:
    tap, target = results["tap"]["ours"].rate, results["target"]["ours"].rate
    return f"the tap alone does {tap:,.0f}/s, the target alone {target:,.0f}/s, and the server shares their cores"


def _why_start(_: Results) -> str:
    return "three programs import their libraries"


BARS = (
    Bar(
        "target, reviews, validating",
        "≥ 350,000 records/s",
        _rate("target", "ours"),
        _COUNT,
        least=350_000,
        dominates=_why_target,
    ),
    Bar("– against dlt", "≥ 20 ×", _times("target", "ours", DLT), _TIMES, least=20, dominates=_why_target),
    Bar("– against the best Parquet target", "≥ 25 ×", _times("target", "ours", PARQUET_TARGET), _TIMES, least=25),
    Bar("– against target-jsonl", "(no bar)", _times("target", "ours", "target-jsonl"), _TIMES),
    Bar("– against bare pyarrow on two cores", "(no bar)", _times("target", "ours", BARE_PARQUET), "{:.2f} ×"),
    Bar("– memory", "≤ 300 MiB", _peak("target", "ours"), _MIB, most=300),
    Bar("target, 120 fields, against dlt", "≥ 8 ×", _times("wide", "ours", DLT), _TIMES, least=8),
    Bar("target, 4 fields, against dlt", "≥ 8 ×", _times("narrow", "ours", DLT), _TIMES, least=8),
    Bar("target, 20 interleaved streams, against dlt", "≥ 8 ×", _times("interleaved", "ours", DLT), _TIMES, least=8),
    Bar("target, 200 streams, memory", "≤ 384 MiB", _peak("many", "ours"), _MIB, most=384),
    Bar(
        "target, 1% invalid, of the clean speed",
        "≥ 0.40 ×",
        _times("flawed", "1% invalid", "none invalid"),
        "{:.2f} ×",
        least=0.4,
    ),
    Bar("tap, reviews", "≥ 400,000 records/s", _rate("tap", "ours"), _COUNT, least=400_000, dominates=_why_tap),
    Bar(
        "– against the Meltano SDK",
        "≥ 20 ×",
        _times("tap", "ours", "Meltano SDK 0.54"),
        _TIMES,
        least=20,
        dominates=_why_tap,
    ),
    Bar("– against bare requests and msgspec", "(no bar)", _times("tap", "ours", BARE_FETCH), "{:.2f} ×"),
    Bar("– memory", "≤ 64 MiB", _peak("tap", "ours"), _MIB, most=64),
    Bar("tap, 8 pages in flight against one", "≥ 6 ×", _times("slow", "8 in flight", "1 in flight"), _TIMES, least=6),
    Bar("– memory, 600,000 records", "< 128 MiB", _peak("slow", "8 in flight"), _MIB, most=128),
    Bar(
        "lake run, reviews, end to end",
        "≥ 200,000 records/s",
        _rate("lake", "ours"),
        _COUNT,
        least=200_000,
        dominates=_why_lake,
    ),
    Bar("– against dlt's own way", "≥ 15 ×", _times("lake", "ours", DLT_REST), _TIMES, least=15, dominates=_why_lake),
    Bar("growth: time a record, the longer run", "≤ 1.10 ×", _slower, "{:.2f} ×", most=1.1),
    Bar("growth: memory", "≤ 16 MiB more", _more_memory, "{:+.0f} MiB", most=16),
    Bar(
        "lake run, nothing new, CPU",
        "≤ 1.0 s",
        lambda results: results["start"]["lake run, nothing new"].cpu_seconds,
        _SECONDS,
        most=1.0,
        dominates=_why_start,
    ),
    Bar("lake --help", "≤ 0.25 s", lambda results: results["start"]["lake --help"].wall_seconds, _SECONDS, most=0.25),
    Bar(
        "catalog[...].read(), over pyarrow's time",
        "≤ 1.3 ×",
        lambda results: 1 / _times("read", "catalog[...].read()", "pyarrow, the same files")(results),
        "{:.2f} ×",
        most=1.3,
    ),
    Bar(
        "opening a lake of 10,000 commits",
        "≤ 0.5 s",
        lambda results: next(iter(results["open"].values())).wall_seconds,
        _SECONDS,
        most=0.5,
    ),
)
