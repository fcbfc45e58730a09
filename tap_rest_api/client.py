"""Turns a Request into what its answer holds, through retries."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.log import LOGGER
from tap_rest_api.retry import Failure, wait_seconds
from tap_rest_api.transport import Transport
from tap_rest_api.verdict import NO_CONTENT, Answer, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_rest_api.config import Config, Stream
    from tap_rest_api.transport import Request, Response

T = TypeVar("T")


@dataclass(slots=True)
class Traffic:
    """What one stream has asked of the API so far."""

    requests: int = 0
    request_seconds: float = 0.0
    retries: int = 0
    waited_seconds: float = 0.0


class Client:
    """Asks one API. Use it from one thread at a time.

    Args:
        config: Names the API's origin; every URL is held against it.
        sleep: Waits for some seconds.
        clock: Seconds that only grow.
        now: The time in UTC.
        jitter: A number from 0 to 1.
    """

    def __init__(
        self,
        config: Config,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.traffic: dict[str, Traffic] = {}
        self._sleep, self._clock, self._now, self._jitter = sleep, clock, now, jitter
        self._answered = False
        self._transport = Transport(config, clock, now)

    def fetch(self, request: Request, stream: Stream, parse: Callable[[Response], T]) -> Answer[T]:
        """Ask until there is an answer that `parse` accepts.

        Args:
            request: What to ask.
            stream: Whose credentials, limits and error rules hold.
            parse: Reads the body; a BodyError of its is worth another try.

        Raises:
            CredentialsError: 401 or 403.
            RefusedError: Any other final no, an unreachable host, or a failure that outlasts the retries.
            ConfigError: Whatever `parse` finds wrong with the configuration.
        """
        traffic = self.traffic.setdefault(stream.name, Traffic())
        attempt = 1
        while True:
            begun = self._clock()
            outcome = self._attempt(request, stream, parse)
            traffic.requests += 1
            traffic.request_seconds += self._clock() - begun
            if isinstance(outcome, Answer):
                return outcome
            seconds = wait_seconds(
                outcome, attempt, stream.limits, self._now(), self._jitter(), answered=self._answered
            )
            if seconds is None:
                raise _given_up(outcome, attempt, request, stream)
            LOGGER.warning("%s: %s; try %d follows in %.1f s", stream.name, outcome.what, attempt + 1, seconds)
            self._sleep(seconds)
            traffic.retries += 1
            traffic.waited_seconds += seconds
            attempt += 1

    def _attempt(self, request: Request, stream: Stream, parse: Callable[[Response], T]) -> Answer[T] | Failure:
        try:
            response = self._transport.exchange(request, stream.auth, stream.limits)
            self._answered = True
            return judge(response, stream.errors, parse)
        except BodyError as error:
            return Failure(error.message)
        except (CredentialsError, RefusedError) as error:
            error.where = error.where or _where(request, stream)
            raise
        except (requests.Timeout, ReadTimeoutError) as error:
            return Failure("no answer in time", unreachable=isinstance(error, requests.ConnectTimeout))
        except requests.exceptions.SSLError as error:
            raise RefusedError(f"TLS with the server failed: {error}", where=request.show()) from None
        except requests.ConnectionError as error:
            return (
                Failure(f"no connection to {self._transport.own}", unreachable=True) if _unreachable(error) else _RESET
            )
        except HTTPError:  # urllib3's own: the connection broke while the body was read
            return _RESET
        except requests.RequestException as error:
            raise RefusedError(f"the request cannot be sent: {error}", where=request.show()) from None


_RESET = Failure("the connection was reset")


def _where(request: Request, stream: Stream) -> str:
    return f'stream "{stream.name}": {request.show()}'


def _given_up(failure: Failure, attempts: int, request: Request, stream: Stream) -> RefusedError:
    tries = f"{attempts} tries" if attempts > 1 else "1 try"
    fix = "run again later; the bookmark has not moved past what was read."
    if failure.unreachable:
        fix = "check base_url and the network."
    elif failure.status == NO_CONTENT:
        fix = 'if it means that there are no more records: "errors": [{"status": [204], "do": "end"}].'
    return RefusedError(f"{failure.what}, after {tries}", where=_where(request, stream), fix=fix)


def _unreachable(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
