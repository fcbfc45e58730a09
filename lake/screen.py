"""A run's progress becomes a table on the terminal, drawn anew while the run goes on.

The records never pass through here: all that is known comes from the log lines of the two programs, whose stderr ends
in pipes that threads of this process read. That costs a line now and then, and nothing a record.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from lake.pipe import ProgramLogs
from lake.progress import Progress
from lake.text import to_age
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

    from lake.progress import StreamProgress
    from target_datalake.commits import StreamCounts

T = TypeVar("T")

_LINE_BYTES = 64 << 10
_DRAWS_A_SECOND = 5
_END_SECONDS = 2.0
"""What a program left running may hold its stderr open; its lines are not waited for any longer than this."""


@contextlib.contextmanager
def watched(read_commit: Callable[[int], Mapping[str, StreamCounts]]) -> Iterator[ProgramLogs]:
    """Draw a run while the block goes on, from the lines that its programs write to what is given.

    Lines that a person should read, warnings and errors, are printed above. At the end the table is taken away: the
    summary says what it said.

    Args:
        read_commit: Gives what a commit did to each stream, by its number.
    """
    progress, lock = Progress(time.monotonic, read_commit), threading.Lock()

    def draw(console: Console) -> Table:
        with lock:
            return _to_table(progress, time.monotonic(), console)

    with drawing(draw) as console:

        def take(line: str) -> None:
            with lock:
                shown = progress.take(line)
            if shown is not None:
                console.print(escape(shown), markup=False, highlight=False, soft_wrap=True)

        with _reading(take) as tap, _reading(take) as target:
            yield ProgramLogs(tap, target)


@contextlib.contextmanager
def drawing(draw: Callable[[Console], Table]) -> Iterator[Console]:
    """Draw a table on stderr, anew a few times a second, while the block goes on; at its end the table is taken away.

    Args:
        draw: Makes the table, for the terminal as it is; called in a thread of its own.
    """
    from rich.console import Console  # rich takes 60 ms to import, and only a terminal needs it
    from rich.live import Live

    console = Console(stderr=True)
    with Live(
        get_renderable=lambda: draw(console),
        console=console,
        refresh_per_second=_DRAWS_A_SECOND,
        transient=True,
    ):
        yield console


@contextlib.contextmanager
def _reading(take: Callable[[str], None]) -> Iterator[BinaryIO]:
    """Give a file whose lines are taken one by one, in a thread of their own."""
    read, write = os.pipe()
    reader = threading.Thread(target=_read_lines, args=(read, take), daemon=True)
    reader.start()
    with os.fdopen(write, "wb", buffering=0) as log:
        yield log
    reader.join(_END_SECONDS)


def _read_lines(descriptor: int, take: Callable[[str], None]) -> None:
    with os.fdopen(descriptor, "rb") as lines:
        while line := lines.readline(_LINE_BYTES):
            take(line.decode("utf-8", "replace").rstrip("\r\n"))


def _to_table(progress: Progress, now: float, console: Console) -> Table:
    from rich.box import SIMPLE_HEAD  # as above
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("stream", overflow="ellipsis", no_wrap=True)
    for name in ("records", "pages", "per second", "landed", "rejected"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="ellipsis", no_wrap=True)
    for name, stream in worth_most(progress.streams, lambda one: one.seconds is not None, console):
        table.add_row(*_cells(name, stream, now))
    if not progress.streams:
        table.add_row("starting", *[""] * 6, style="dim")
    return table


def worth_most(rows: Mapping[str, T], is_over: Callable[[T], bool], console: Console) -> list[tuple[str, T]]:
    """Return the rows that are shown where there is no room for all: those that are not over, and the last ones."""
    room = max(console.height - 4, 1)
    names = sorted(rows, key=lambda name: is_over(rows[name]))  # stable: in order of appearance
    kept = set(names[:room]) if len(names) > room else set(names)
    return [(name, row) for name, row in rows.items() if name in kept]


def _cells(name: str, stream: StreamProgress, now: float) -> list[Any]:
    from rich.text import Text  # as above

    rate = stream.rate(now)
    records = f"{stream.records:,}" + ("" if stream.total is None else f" of {stream.total:,}")
    return [
        Text(escape(name)),
        records,
        "" if stream.pages is None else f"{stream.pages:,}",
        "" if rate is None else f"{rate:,.0f}",
        f"{stream.landed:,}",
        Text(f"{stream.rejected:,}", style="bold red" if stream.rejected else ""),
        Text(escape(_state(stream, now)), style="dim"),
    ]


def _state(stream: StreamProgress, now: float) -> str:
    """Return what a stream is at: waiting for something, over, or how long it will take."""
    if stream.waiting is not None and stream.waiting[1] > now:
        what, until = stream.waiting
        return f"waits {to_age(until - now)}: {what}"
    if stream.seconds is not None:
        return f"{'failed after' if stream.has_failed else 'done in'} {to_age(stream.seconds)}"
    left = stream.left_seconds(now)
    return "" if left is None else f"{to_age(left)} left"
