"""Turns what a stream has sent so far into METRIC lines, now and then and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer.metrics import Metric, Tag

from tap_rest_api.log import log_metric

if TYPE_CHECKING:
    from collections.abc import Callable

METRIC_SECONDS = 60.0
"""How often singer-python's own counters log."""


@dataclass(slots=True)
class Meter:
    """Counts the records and pages of one stream.

    A line tells what came since the one before it, so that their sum is all that came. One that is logged on the way
    also has the pages so far, and how many records there will be where the API has said so.

    Attributes:
        stream: Its name.
        clock: Monotonic seconds.
        seconds: A line on the way follows another after no less time.
        at: When the last one was logged, or the counting began.
        total: How many records the API promised in all; None where it did not, or they are promised unit by unit.
    """

    stream: str
    clock: Callable[[], float]
    seconds: float
    at: float
    records: int = 0
    pages: int = 0
    total: int | None = None
    logged: int = 0

    def count(self, records: int, pages: int) -> None:
        """Count what one page brought, and log it if that is due."""
        self.records += records
        self.pages += pages
        now = self.clock()
        if now - self.at >= self.seconds:
            self.at = now
            promised = {} if self.total is None else {"total": self.total}
            self._log({"pages": self.pages, **promised})

    def finish(self) -> None:
        """Log what is not logged yet."""
        self._log({})

    def _log(self, more: dict[str, int]) -> None:
        new, self.logged = self.records - self.logged, self.records
        log_metric("counter", Metric.record_count, new, {Tag.endpoint: self.stream, **more})
