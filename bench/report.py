"""Results become the text of RESULTS.md, and the lines of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.bars import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.bars import Results, Verdict
    from bench.rounds import Result
    from bench.settings import Settings

_MARKS = {True: "reached", False: "**missed**", None: "not measured"}
_INTRODUCTION = """\
Written by `make bench`. Each contender takes its turn in every round; a rate is the median round's, beside it the
lowest and the highest; a ratio is the median of the ratios within one round. Peak memory is the largest single
process's. Peers run in environments of their own, those that are slow on fewer records; what they leave undone
(validation, fsync, a log of commits) is to their advantage."""


def to_markdown(
    results: Results, titles: Mapping[str, str], machine: Sequence[str], settings: Settings, loads: tuple[float, float]
) -> str:
    """Write the report.

    Args:
        results: By trial and contender.
        titles: Of the trials.
        machine: What was measured on.
        settings: How much was measured.
        loads: What else the machine did: processes that wanted a core, before and after.
    """
    size = (
        f"{settings.records:,} records (slow peers {settings.peer_records:,}), {settings.rounds} rounds; load average "
        f"{loads[0]:.1f} before and {loads[1]:.1f} after."
    )
    lines = ["# Results", "", _INTRODUCTION, "", *(f"- {line}" for line in machine), f"- {size}", ""]
    lines += ["![records a second](results.svg)", "", "## What was to be reached", "", *_bars(judge(results))]
    for name, found in results.items():
        lines += ["", f"## {titles[name]}", "", *_table(list(found.values()))]
    return "\n".join(lines) + "\n"


def _bars(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "| figure | bar | measured | |"
    yield "| --- | --- | ---: | --- |"
    for verdict in verdicts:
        bar = verdict.bar
        text = "–" if verdict.measured is None else bar.form.format(verdict.measured)
        mark = _MARKS[verdict.is_met] if bar.least is not None or bar.most is not None or not verdict.measured else ""
        why = f": {verdict.reason}" if verdict.reason else ""
        yield f"| {bar.what} | {bar.wanted} | {text} | {mark}{why} |"


def _table(results: Sequence[Result]) -> Iterator[str]:
    yield "| | records | records/s (least – most) | seconds | CPU seconds | CPU µs a record | peak MiB |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for result in results:
        if not result.costs:
            yield f"| {result.name} | {result.records:,} | {result.failure.splitlines()[0]} | | | | |"
            continue
        yield "| " + " | ".join([result.name, *_cells(result)]) + " |"


def _cells(result: Result) -> Iterator[str]:
    """Yield a result's figures; what is not about records has none for each of them."""
    is_counted = result.records > 1
    yield f"{result.records:,}" if is_counted else ""
    yield f"{result.rate:,.0f} ({min(result.rates):,.0f} – {max(result.rates):,.0f})" if is_counted else ""
    yield f"{result.wall_seconds:.2f}"
    yield f"{result.cpu_seconds:.2f}"
    yield f"{result.cpu_microseconds:,.2f}" if is_counted else ""
    yield f"{result.peak_mib:.0f}"


def to_terminal(results: Results) -> Iterator[str]:
    """Yield the verdicts as lines."""
    for verdict in judge(results):
        if verdict.measured is not None:
            bar, mark = verdict.bar, {True: "reached", False: "MISSED", None: ""}[verdict.is_met]
            mark = mark if bar.least is not None or bar.most is not None else ""
            yield f"{bar.what:46}{bar.form.format(verdict.measured):>22}   {bar.wanted:22}{mark}"
