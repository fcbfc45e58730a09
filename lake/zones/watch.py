"""What a build tells of itself while it goes on: to a screen, as plain lines, or to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lake.zones.built import Built


class Watch:
    """Is told what a build is at; by itself it forgets it."""

    def planned(self, datasets: Sequence[str]) -> None:
        """Hear of what will be looked at, in that order."""

    def began(self, dataset: str) -> None:
        """Hear that a dataset's turn has come."""

    def wrote(self, dataset: str, rows: int) -> None:
        """Hear how many rows of its new version are written so far."""

    def ended(self, end: Built) -> None:
        """Hear what became of one."""


class PlainWatch(Watch):
    """A line for each dataset whose turn is over."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def ended(self, end: Built) -> None:
        """Say what became of it."""
        rows = "" if end.version is None else f", {end.rows:,} rows"
        self._say(f"{end.dataset}: {end.outcome}{rows}, {end.seconds:.1f} s")
