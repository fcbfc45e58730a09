"""Turns a Request into what its answer holds: with credentials, at the pace that is allowed, through retries."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from tap_rest_api.admission import Admission
from tap_rest_api.attempt import attempt
from tap_rest_api.auth import Signers
from tap_rest_api.credential import sign_with_nothing
from tap_rest_api.errors import RefusedError
from tap_rest_api.log import LOGGER
from tap_rest_api.origin import parse_origin
from tap_rest_api.quota import parse_quota
from tap_rest_api.retry import Failure, is_retried_status, wait_seconds
from tap_rest_api.traffic import Traffic
from tap_rest_api.transport import Reach, Transport
from tap_rest_api.verdict import NO_CONTENT, Refusal, judge, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_rest_api.config import Config, Stream
    from tap_rest_api.credential import Credential, Signer
    from tap_rest_api.transport import Request, Response
    from tap_rest_api.verdict import Answer

T = TypeVar("T")


class Client:
    """Asks one API, for several threads at once.

    Args:
        config: Names the API's origin; every URL is held against it.
        sleep: Waits for some seconds.
        clock: Seconds that only grow.
        now: The time in UTC.
        jitter: A number from 0 to 1.
        conceal: Is told every secret that is found out on the way, before anything can be written of it.
    """

    def __init__(
        self,
        config: Config,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        conceal: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self.traffic: dict[str, Traffic] = {}
        self._sleep, self._clock, self._jitter = sleep, clock, jitter
        self._reach = Reach(parse_origin(config.base_url), config.allowed_hosts)
        self._transport = Transport(config, clock, now)
        self._signers = Signers(config.base_url, clock, now, conceal)
        self._admission = Admission(config.rates, sleep, clock)
        self._answered = False
        self._lock = threading.Lock()

    def fetch(self, request: Request, stream: Stream, parse: Callable[[Response], T]) -> Answer[T]:
        """Ask until there is an answer that `parse` accepts.

        Args:
            request: What to ask.
            stream: Whose credentials, limits and error rules hold.
            parse: Reads the body; a BodyError of its is worth another try.

        Raises:
            CredentialsError: 403, or a 401 that no new credentials change.
            RefusedError: Any other final no, an unreachable host, or a failure that outlasts the retries.
            ConfigError: Whatever `parse` finds wrong with the configuration.
        """
        signer = self._signers.of(stream.auth, lambda token, read: self._fetch_token(token, stream, read))

        def once() -> Answer[T] | Failure:
            used, outcome = self._ask(request, stream, signer, parse)
            if isinstance(outcome, Refusal) and signer.renew(used, outcome.response):
                used, outcome = self._ask(request, stream, signer, parse)
            if isinstance(outcome, Refusal):
                raise outcome.error
            return outcome

        return self._persist(once, request, stream, f'stream "{stream.name}": {request.show()}')

    def _fetch_token(self, request: Request, stream: Stream, read: Callable[[Response], T]) -> T:
        """Ask a token endpoint, which is an origin of its own and allowed for this request only."""
        reach = Reach(parse_origin(request.url))

        def once() -> T | Failure:
            response = self._transport.exchange(request, reach, stream.limits, sign_with_nothing)
            if is_retried_status(response.status):
                return Failure(f"the token endpoint answered {status_text(response.status)}", response.status)
            return read(response)

        return self._persist(once, request, stream, f'token for stream "{stream.name}": {request.show()}')

    def _persist(self, once: Callable[[], T | Failure], request: Request, stream: Stream, where: str) -> T:
        """Try until something comes of it, or the limits are reached."""
        tries = 1
        while True:
            outcome = attempt(once, request, where)
            if not isinstance(outcome, Failure):
                return outcome
            seconds = wait_seconds(outcome, tries, stream.limits, self._jitter(), answered=self._answered)
            if seconds is None:
                raise _given_up(outcome, tries, where)
            LOGGER.warning("%s: %s; try %d follows in %.1f s", stream.name, outcome.what, tries + 1, seconds)
            self._sleep(seconds)
            self._traffic_of(stream).count_wait(seconds, is_retry=True)
            tries += 1

    def _ask(
        self, request: Request, stream: Stream, signer: Signer, parse: Callable[[Response], T]
    ) -> tuple[Credential, Answer[T] | Failure | Refusal]:
        """Send the request once, as soon as that is allowed."""
        traffic, credentials = self._traffic_of(stream), signer.credentials()
        used = self._admission.admit(credentials, stream.name, stream.limits, traffic)
        quota = None
        begun = self._clock()
        try:
            response = self._transport.exchange(request, self._reach, stream.limits, used.sign)
            quota = parse_quota(response.headers, response.received_at)
        finally:
            used.headroom.end(self._clock(), quota)
            traffic.count_request(self._clock() - begun)
        self._answered = True
        outcome = judge(response, stream.errors, parse)
        if isinstance(outcome, Failure):
            outcome = self._admission.hold_back(used, credentials, outcome, stream.limits)
        return used, outcome

    def _traffic_of(self, stream: Stream) -> Traffic:
        with self._lock:
            return self.traffic.setdefault(stream.name, Traffic())


def _given_up(failure: Failure, attempts: int, where: str) -> RefusedError:
    tries = f"{attempts} tries" if attempts > 1 else "1 try"
    fix = "run again later; the bookmark has not moved past what was read."
    if failure.unreachable:
        fix = "check base_url and the network."
    elif failure.status == NO_CONTENT:
        fix = 'if it means that there are no more records: "errors": [{"status": [204], "do": "end"}].'
    return RefusedError(f"{failure.what}, after {tries}", where=where, fix=fix)
