"""Turns the credentials of a stream into the one that may ask now, after as long a wait as that takes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_rest_api.log import LOGGER
from tap_rest_api.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_rest_api.credential import Credential
    from tap_rest_api.limits import Limits, Rate
    from tap_rest_api.retry import Failure
    from tap_rest_api.traffic import Traffic

_LIMIT_STATUSES = (403, 429)
_BLIND_PAUSE_SECONDS = 60.0  # of one of several tokens, where the API does not say how long
_LONG_WAIT_SECONDS = 10.0  # from here on, a person at the screen should be told


class Admission:
    """Paces requests and holds them back from the end of a quota, for several threads at once.

    Args:
        shared: The rates at the configuration's top, which all streams that have no others keep together.
        sleep: Waits for some seconds.
        clock: Seconds that only grow.
    """

    def __init__(self, shared: Sequence[Rate], sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._shared = tuple(shared)
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._paces: dict[str, Pace] = {}

    def admit(self, credentials: Sequence[Credential], name: str, limits: Limits, traffic: Traffic) -> Credential:
        """Wait until one of the credentials may be used, and for the pace; its headroom has to be told of the end.

        No wait for a quota is longer than `max_wait`. Then one request goes, since only its answer can tell more.

        Args:
            credentials: At least one.
            name: The stream's.
            limits: The stream's.
            traffic: Counts the waits.
        """
        chosen, seconds = self._choose(credentials, limits.reserve)
        if seconds > 0:
            self._wait(min(seconds, limits.max_wait_seconds), name, "the quota that the API announced", traffic)
            chosen, seconds = self._choose(credentials, limits.reserve)
            if seconds > 0:
                chosen.headroom.begin(self._clock(), limits.reserve, regardless=True)
        if limits.rates:
            self._wait(self._pace(name, limits.rates).book(self._clock()), name, "its rate", traffic)
        return chosen

    def hold_back(
        self, used: Credential, credentials: Sequence[Credential], failure: Failure, limits: Limits
    ) -> Failure:
        """Keep a credential from being used before the API wants it to be.

        Returns:
            The failure; if another credential is free, one that need not wait.
        """
        others = [credential for credential in credentials if credential is not used]
        seconds = failure.asked_seconds
        if seconds is None and others and failure.status in _LIMIT_STATUSES:
            seconds = _BLIND_PAUSE_SECONDS
        if seconds is None:
            return failure
        now = self._clock()
        used.headroom.block(now + min(seconds, limits.max_wait_seconds))
        if not others:
            return failure
        retries = (limits.retries if failure.retries is None else failure.retries) + len(others)
        is_free = any(other.headroom.is_free(now, limits.reserve) for other in others)
        return replace(failure, asked_seconds=0.0 if is_free else failure.asked_seconds, retries=retries)

    def _choose(self, credentials: Sequence[Credential], reserve: float) -> tuple[Credential, float]:
        """Begin with the credential that has most left; else return the one that is free first, and when."""
        now = self._clock()
        waits: list[tuple[float, Credential]] = []
        for credential in sorted(credentials, key=lambda credential: -credential.headroom.remaining):
            seconds = credential.headroom.begin(now, reserve)
            if seconds == 0:
                return credential, 0.0
            waits.append((seconds, credential))
        seconds, first = min(waits, key=lambda wait: wait[0])
        return first, seconds

    def _pace(self, name: str, rates: tuple[Rate, ...]) -> Pace:
        with self._lock:
            return self._paces.setdefault("" if rates == self._shared else name, Pace(rates))

    def _wait(self, seconds: float, name: str, what: str, traffic: Traffic) -> None:
        if seconds <= 0:
            return
        if seconds >= _LONG_WAIT_SECONDS:
            LOGGER.info("%s: waiting %.0f s for %s", name, seconds, what)
        self._sleep(seconds)
        traffic.count_wait(seconds)
