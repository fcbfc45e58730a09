"""Turns rates into the moment at which the next request may be sent."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_rest_api.limits import Rate


class Pace:
    """Remembers when requests were sent, so that no span of time holds more of them than a rate allows.

    May be asked from several threads at once: each gets a moment of its own.
    """

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._lock = threading.Lock()
        self._sent = [(rate, deque[float](maxlen=rate.count)) for rate in rates]

    def book(self, now: float) -> float:
        """Take the next free moment, and return how many seconds away it is.

        Args:
            now: Seconds that only grow.
        """
        with self._lock:
            at = max([now, *(_next(rate, sent) for rate, sent in self._sent if sent)])
            for _, sent in self._sent:
                sent.append(at)
            return at - now


def _next(rate: Rate, sent: deque[float]) -> float:
    """Return the first moment that a rate allows: when the oldest of its requests leaves the span."""
    return sent[0] + rate.seconds if len(sent) == rate.count else sent[-1]
