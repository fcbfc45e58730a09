"""Turns what a stream asks of the API into counts, from several threads at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """What one stream has asked of the API so far. A wait for the rate is counted like one for a retry."""

    requests: int = 0
    request_seconds: float = 0.0
    retries: int = 0
    waited_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_request(self, seconds: float) -> None:
        """Count a request that took some seconds."""
        with self._lock:
            self.requests += 1
            self.request_seconds += seconds

    def count_wait(self, seconds: float, *, is_retry: bool = False) -> None:
        """Count a wait, before a retry or for the sake of a limit."""
        with self._lock:
            self.retries += is_retry
            self.waited_seconds += seconds
