"""The log lines of a tap and a target become what is known of a run so far: per stream, and what it waits for.

All Singer taps share the METRIC line, so that the records of any are counted; ours tells pages, totals and waits too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_datalake.commits import StreamCounts

_METRIC = re.compile(r"\bMETRIC:? (\{.*\})\s*$")
_WAIT = re.compile(r"INFO (?P<stream>.+?): waiting (?P<seconds>\d+) s for (?P<what>.+)$")
_RETRY = re.compile(r"WARNING (?P<stream>.+?): (?P<what>.+); try \d+ follows in (?P<seconds>[\d.]+) s$")
_COMMIT = re.compile(r"INFO commit (\d+): \d+ rows landed, \d+ rejected$")
_PAGES = re.compile(r"INFO (?P<stream>.+?): (?P<pages>\d+) pages, \d+ records, ")
_TOLD = re.compile(r"(\S+ )?(INFO|DEBUG) ")
"""Lines that tell a run's story; the screen tells it in their place."""


@dataclass
class StreamProgress:
    """How far a stream has come.

    Attributes:
        began: When its first records were told of, in monotonic seconds.
        records: Records that the tap has sent.
        pages: Pages they came on; None where the tap does not say.
        total: How many records there will be; None where nobody knows.
        landed: Rows that are committed.
        rejected: Records that are rejected for good.
        seconds: How long it took, once it is over.
        has_failed: Whether it is over because it failed.
        waiting: What it waits for, and until when.
    """

    began: float
    records: int = 0
    pages: int | None = None
    total: int | None = None
    landed: int = 0
    rejected: int = 0
    seconds: float | None = None
    has_failed: bool = False
    waiting: tuple[str, float] | None = None

    def rate(self, now: float) -> float | None:
        """Return the records a second so far; None before there is anything to divide by."""
        seconds = now - self.began if self.seconds is None else self.seconds
        return self.records / seconds if seconds > 0 and self.records else None

    def left_seconds(self, now: float) -> float | None:
        """Return how long it will take at the rate it had; None where that is not known, or it is over."""
        rate = self.rate(now)
        if self.seconds is not None or self.total is None or rate is None or self.records >= self.total:
            return None
        return (self.total - self.records) / rate


@dataclass
class Progress:
    """What is known of a run so far.

    Attributes:
        clock: Monotonic seconds.
        read_commit: Gives what a commit did to each stream, by its number.
        streams: Each stream that was told of, in that order.
        commits: How many commits there were.
    """

    clock: Callable[[], float]
    read_commit: Callable[[int], Mapping[str, StreamCounts]]
    streams: dict[str, StreamProgress] = field(default_factory=dict)
    commits: int = 0

    def take(self, line: str) -> str | None:
        """Take a line in, and return it if a person should read it all the same."""
        for pattern, take in _TAKERS:
            match = pattern.search(line)
            if match and take(self, match):
                return None
        return None if _TOLD.match(line) else line

    def _stream(self, name: str) -> StreamProgress:
        return self.streams.setdefault(name, StreamProgress(self.clock()))

    def _take_metric(self, match: re.Match[str]) -> bool:
        try:
            metric = msgspec.json.decode(match[1], type=_Metric)
        except msgspec.DecodeError:
            return False
        if metric.type == "counter" and metric.metric == "record_count" and (name := _text(metric.tags, "endpoint")):
            stream = self._stream(name)
            stream.records += round(metric.value)
            stream.pages = _count(metric.tags, "pages") or stream.pages
            stream.total = _count(metric.tags, "total") or stream.total
            stream.waiting = None
        elif metric.type == "timer" and metric.metric == "job_duration" and (name := _text(metric.tags, "job_type")):
            stream = self._stream(name)
            stream.seconds, stream.waiting = metric.value, None
            stream.has_failed = metric.tags.get("status") == "failed"
        return True

    def _take_wait(self, match: re.Match[str]) -> bool:
        until = self.clock() + float(match["seconds"])
        self._stream(match["stream"]).waiting = (match["what"], until)
        return True

    def _take_pages(self, match: re.Match[str]) -> bool:
        self._stream(match["stream"]).pages = int(match["pages"])
        return True

    def _take_commit(self, match: re.Match[str]) -> bool:
        self.commits += 1
        for name, counts in self.read_commit(int(match[1])).items():
            stream = self._stream(name)
            stream.landed += counts.landed
            stream.rejected += counts.rejected
        return True


class _Metric(msgspec.Struct):
    type: str
    metric: str
    value: float
    tags: dict[str, Any] = {}


def _text(tags: Mapping[str, Any], name: str) -> str | None:
    value = tags.get(name)
    return value if isinstance(value, str) else None


def _count(tags: Mapping[str, Any], name: str) -> int | None:
    value = tags.get(name)
    return value if isinstance(value, int) else None


_TAKERS: tuple[tuple[re.Pattern[str], Callable[[Progress, re.Match[str]], bool]], ...] = (
    (_METRIC, Progress._take_metric),  # noqa: SLF001 - the table of what it takes
    (_WAIT, Progress._take_wait),  # noqa: SLF001
    (_RETRY, Progress._take_wait),  # noqa: SLF001
    (_PAGES, Progress._take_pages),  # noqa: SLF001
    (_COMMIT, Progress._take_commit),  # noqa: SLF001
)
