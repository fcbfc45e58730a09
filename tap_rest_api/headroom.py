"""Turns what answers announce of a quota into how long to wait before the next request draws on it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_rest_api.quota import Quota

_SAME_WINDOW_SECONDS = 2.0  # resets are announced in whole seconds


class Headroom:
    """What one credential may still ask. Times are seconds that only grow. For several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = 0
        self._remaining = self._limit = self._resets_at = 0.0
        self._blocked_until = 0.0

    @property
    def remaining(self) -> float:
        """What is left as far as it is known; without end where nothing was announced."""
        return self._remaining - self._in_flight if self._resets_at else float("inf")

    def begin(self, now: float, reserve: float, *, regardless: bool = False) -> float:
        """Begin a request and return 0, or return how many seconds from now it may begin.

        Args:
            now: The time.
            reserve: The share of the quota that is to be left.
            regardless: Begin in any case: it was waited for long enough, and only an answer can tell more.
        """
        with self._lock:
            seconds = 0.0 if regardless else self._wait_seconds(now, reserve)
            self._in_flight += seconds == 0
            return seconds

    def is_free(self, now: float, reserve: float) -> bool:
        """Tell whether a request could begin."""
        with self._lock:
            return self._wait_seconds(now, reserve) == 0

    def end(self, now: float, quota: Quota | None) -> None:
        """End a request, with what its answer announced.

        Answers overtake each other: within one window, the least that any of them announced is what is left.
        """
        with self._lock:
            self._in_flight -= 1
            if quota is None or quota.reset_seconds is None:
                return
            resets_at = now + quota.reset_seconds
            is_same = now < self._resets_at and abs(resets_at - self._resets_at) <= _SAME_WINDOW_SECONDS
            self._remaining = min(self._remaining, quota.remaining) if is_same else quota.remaining
            self._limit = max(self._limit, quota.remaining) if quota.limit is None else quota.limit
            self._resets_at = resets_at

    def block(self, until: float) -> None:
        """Let no request begin before a time: the API has asked for a pause."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, until)

    def _wait_seconds(self, now: float, reserve: float) -> float:
        is_low = now < self._resets_at and self._remaining - self._in_flight <= reserve * self._limit
        return max(0.0, self._blocked_until - now, self._resets_at - now if is_low else 0.0)
