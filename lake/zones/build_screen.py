"""A build's progress becomes a table on the terminal, drawn anew while the build goes on."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.screen import drawing, worth_most
from lake.zones.watch import Watch
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from lake.zones.built import Built


@dataclass(frozen=True)
class DatasetProgress:
    """How far a dataset is.

    Attributes:
        state: ``waits``, ``builds``, or what became of it.
        rows: Those of its new version that are written; at its end all that it has.
        began: When its turn came, in monotonic seconds; None before.
        seconds: How long it took, once it is over.
    """

    state: str = "waits"
    rows: int | None = None
    began: float | None = None
    seconds: float | None = None


class BuildProgress(Watch):
    """What is known of a build so far, by dataset. One thread is told, another one may look at any time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.datasets: dict[str, DatasetProgress] = {}

    def planned(self, datasets: Sequence[str]) -> None:
        """Take in what will be looked at."""
        self.datasets = dict.fromkeys(datasets, DatasetProgress())

    def began(self, dataset: str) -> None:
        """Take in that its turn has come."""
        self._put(dataset, DatasetProgress("builds", None, self._clock()))

    def wrote(self, dataset: str, rows: int) -> None:
        """Take in how far it is."""
        self._put(dataset, DatasetProgress("builds", rows, self.datasets[dataset].began))

    def ended(self, end: Built) -> None:
        """Take in what became of it."""
        rows = None if end.version is None else end.rows
        self._put(end.dataset, DatasetProgress(end.outcome, rows, None, end.seconds))

    def _put(self, dataset: str, progress: DatasetProgress) -> None:
        self.datasets = {**self.datasets, dataset: progress}  # whoever looks sees one state or the next


@contextlib.contextmanager
def watched_build() -> Iterator[BuildProgress]:
    """Draw a build while the block goes on, from what the watch that it gives is told. At the end the table goes."""
    progress = BuildProgress(time.monotonic)
    with drawing(lambda console: _to_table(progress.datasets, time.monotonic(), console)):
        yield progress


def _to_table(datasets: dict[str, DatasetProgress], now: float, console: Console) -> Table:
    from rich.box import SIMPLE_HEAD  # rich takes 60 ms to import, and only a terminal needs it
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("dataset", overflow="ellipsis", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in ("rows", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, each in worth_most(datasets, lambda one: one.seconds is not None, console):
        table.add_row(*_cells(name, each, now))
    if not datasets:
        table.add_row("starting", *[""] * 3, style="dim")
    return table


def _cells(name: str, each: DatasetProgress, now: float) -> list[Any]:
    from rich.text import Text  # as above

    seconds = each.seconds if each.began is None else now - each.began
    style = {"failed": "bold red", "builds": "bold", "waits": "dim"}.get(each.state, "")
    rows = "" if each.rows is None else f"{each.rows:,}"
    return [Text(escape(name)), Text(each.state, style=style), rows, "" if seconds is None else f"{seconds:.1f}"]
