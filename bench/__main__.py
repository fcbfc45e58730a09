"""``make bench``: ours and theirs, side by side, and what came of it as ``bench/RESULTS.md`` and ``results.svg``.

How much is measured is read from the environment, see `bench.settings`. Absolute times drift between machines.
"""

from __future__ import annotations

import argparse
import time
from itertools import chain
from pathlib import Path

from bench.lake_trials import lake_trials
from bench.machine import describe_machine, load
from bench.plot import to_svg
from bench.read_trials import read_trials
from bench.report import to_markdown, to_terminal
from bench.rounds import run_rounds
from bench.settings import clear_left_overs, read_settings
from bench.tap_trials import tap_trials
from bench.target_trials import target_trials

_PLOTTED = ("target", "tap", "lake")
_TRIALS = {"target": target_trials, "tap": tap_trials, "lake": lake_trials, "read": read_trials}


def main() -> None:
    """Measure, print what came of it, and write it down."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=_TRIALS, action="append", help="Leave out the others; writes no report.")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="Where to write RESULTS.md and results.svg.")
    options = parser.parse_args()
    clear_left_overs()
    settings, before, began = read_settings(), load(), time.monotonic()
    results, titles = {}, {}
    for trial in chain.from_iterable(_TRIALS[name](settings) for name in options.only or _TRIALS):
        print(trial.title, flush=True)
        found = run_rounds(trial.contenders, settings.rounds, lambda line: print(line, flush=True))
        results[trial.name], titles[trial.name] = {result.name: result for result in found}, trial.title
    print("", *to_terminal(results), f"\n{(time.monotonic() - began) / 60:.1f} minutes", sep="\n")
    if options.write is not None and not options.only:
        loads = (before, load())
        text = to_markdown(results, titles, describe_machine(), settings, loads)
        (options.write / "RESULTS.md").write_text(text, encoding="utf-8")
        plotted = {titles[name]: list(results[name].values()) for name in _PLOTTED}
        (options.write / "results.svg").write_text(to_svg(plotted), encoding="utf-8")


if __name__ == "__main__":
    main()
