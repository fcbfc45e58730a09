"""How much faster than others: what the pages say is what bench/RESULTS.md holds, give or take a run's noise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT.joinpath("bench", "RESULTS.md").read_text("utf-8")
COMPARISON = ROOT.joinpath("docs", "comparison.md").read_text("utf-8")
NOISE = 0.25
"""By how much a ratio may differ from one run to the next before the page has to be mended."""

TRIALS = {
    "Singer messages into files": "Target: reviews from a file",
    "the pages of an API into Singer messages": "Tap: reviews from a local API",
    "from an API into Parquet": "lake run: from a local API",
}
CONTENDERS = ("dlt", "target-jsonl", "Meltano SDK", "requests and singer-python")


def ratio(trial: str, contender: str) -> float:
    """Return how many times as many records a second as a contender's ours are in a trial."""
    (section,) = re.findall(rf"^## {trial}.*?\n(.*?)(?=^## |\Z)", RESULTS, re.MULTILINE | re.DOTALL)
    rates = dict(re.findall(r"^\| ([^|]+?) \| [\d,]+ \| ([\d,]+) \(", section, re.MULTILINE))
    (theirs,) = [rate for name, rate in rates.items() if name.startswith(contender)]
    return int(rates["ours"].replace(",", "")) / int(theirs.replace(",", ""))


def quoted() -> list[tuple[str, str, int]]:
    """Return trial, contender and ratio of each filled cell of the comparison's table."""
    found = []
    for line in COMPARISON.partition("## Speed")[2].splitlines():
        what, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        trial = next((trial for begin, trial in TRIALS.items() if what.startswith(begin)), None)
        for contender, cell in zip(CONTENDERS, cells, strict=False) if trial else ():
            if times := re.match(r"(\d+) \N{MULTIPLICATION SIGN}", cell):
                found.append((trial, contender, int(times[1])))
    return found


@pytest.mark.parametrize(("trial", "contender", "times"), quoted())
def test_a_ratio_of_the_comparison_is_that_of_the_results(trial: str, contender: str, times: int) -> None:
    assert times == pytest.approx(ratio(trial, contender), rel=NOISE)


def test_every_trial_is_compared_and_the_readme_says_the_same() -> None:
    assert {trial for trial, _, _ in quoted()} == set(TRIALS.values())
    assert "some thirteen times as fast as dlt" in " ".join(ROOT.joinpath("README.md").read_text("utf-8").split())
    assert ratio(TRIALS["from an API into Parquet"], "dlt") == pytest.approx(13, rel=NOISE)
