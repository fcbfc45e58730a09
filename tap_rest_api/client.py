"""Turns a Request into what its answer holds, over one HTTP session, through retries and redirects."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode, urljoin

import jmespath
import msgspec
import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from tap_rest_api.auth import Credentials
from tap_rest_api.body import ACCEPT_ENCODING, decode_body
from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.log import LOGGER
from tap_rest_api.origin import is_own, parse_origin
from tap_rest_api.retry import Failure, is_retried_status, matches_status, wait_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_rest_api.config import Config, ErrorRule, Stream

T = TypeVar("T")

_CHUNK_BYTES = 256 * 1024
_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN_BODY_CHARACTERS = 200
_NO_CONTENT = 204
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for its credentials."""

    method: str
    url: str
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def show(self) -> str:
        """Return method and URL, for logs and messages."""
        return f"{self.method} {self.url}{'?' + urlencode(self.params) if self.params else ''}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole. Header names are lower case; `url` is where it came from after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a request led to: a page to "take", or, by a rule of the option "errors", "end" or "skip"."""

    action: str
    received_at: datetime
    page: T | None = None


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
        self._config = config
        self._own = parse_origin(config.base_url)
        self._sleep, self._clock, self._now, self._jitter = sleep, clock, now, jitter
        self._answered = False
        self._session = _session(config.user_agent)

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
            response = self._exchange(request, stream)
            self._answered = True
            return _judge(response, request, stream, parse)
        except BodyError as error:
            return Failure(error.message)
        except (requests.Timeout, ReadTimeoutError) as error:
            return Failure("no answer in time", unreachable=isinstance(error, requests.ConnectTimeout))
        except requests.exceptions.SSLError as error:
            raise RefusedError(f"TLS with the server failed: {error}", where=request.show()) from None
        except requests.ConnectionError as error:
            return Failure(f"no connection to {self._own}", unreachable=True) if _unreachable(error) else _RESET
        except HTTPError:  # urllib3's own: the connection broke while the body was read
            return _RESET
        except requests.RequestException as error:
            raise RefusedError(f"the request cannot be sent: {error}", where=request.show()) from None

    def _exchange(self, request: Request, stream: Stream) -> Response:
        """Send one request and follow its redirects by hand, each held against the API's origin."""
        deadline = self._clock() + stream.limits.total_timeout_seconds
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(request, stream)
            try:
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    request = _redirected(request, response.status_code, urljoin(request.url, location))
                    continue
                body = decode_body(self._chunks(response, deadline), response.headers.get("Content-Encoding", ""))
            finally:
                response.close()
            headers = {name.lower(): value for name, value in response.headers.items()}
            LOGGER.debug("%s: %d, %d bytes", request.show(), response.status_code, len(body))
            return Response(response.status_code, headers, body, response.url or request.url, self._now())
        raise RefusedError("the API redirects in a ring", where=f'stream "{stream.name}": {request.show()}')

    def _send(self, request: Request, stream: Stream) -> requests.Response:
        own = is_own(request.url, self._own, self._config.allowed_hosts)
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=list(request.params),
                headers=dict(request.headers) if own else {},
                data=None if request.body is None else _ENCODER.encode(request.body),
                auth=Credentials(stream.auth) if own else None,
            )
        )
        if request.body is not None:
            prepared.headers.setdefault("Content-Type", "application/json")
        limits = stream.limits
        timeouts = (limits.connect_timeout_seconds, limits.read_timeout_seconds)
        # The adapter itself: Session.send would read a redirect's body, whatever its size, and keep cookies.
        adapter = self._session.get_adapter(request.url)
        return adapter.send(prepared, stream=True, timeout=timeouts, verify=True)

    def _chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        """Yield the body undecoded. `read1` returns what is there, so that a dripping server meets the deadline."""
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            yield chunk
            if self._clock() > deadline:
                raise BodyError("the answer takes longer than total_timeout")


_RESET = Failure("the connection was reset")


def _session(user_agent: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither netrc nor proxies from the environment
    session.headers.clear()
    session.headers.update({"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING})
    return session


def _redirected(request: Request, status: int, url: str) -> Request:
    """Follow as RFC 9110, 15.4 says: 307 and 308 keep the method, the others make it a GET."""
    if status in (307, 308) or request.method == "GET":
        return Request(request.method, url, (), request.headers, request.body)
    return Request("GET", url, (), request.headers)


def _judge(response: Response, request: Request, stream: Stream, parse: Callable[[Response], T]) -> Answer[T] | Failure:
    """Decide what an answer means: first by the stream's rules, then by its status."""
    rule = _matching_rule(stream.errors, response)
    if rule is not None and rule.do in ("end", "skip"):
        return Answer(rule.do, response.received_at)
    what = _status_text(response.status)
    where = f'stream "{stream.name}": {request.show()}'
    if rule is not None and rule.do == "fail":
        raise RefusedError(f"the API answered {what}: {_excerpt(response)}", where=where)
    if rule is not None or is_retried_status(response.status):
        return Failure(what, response.status, response.headers.get("retry-after", ""))
    if response.status in (401, 403):
        fix = 'check the option "auth" and the variables it names.'
        raise CredentialsError(f"the API answered {what}: {_excerpt(response)}", where=where, fix=fix)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, successful
        raise RefusedError(f"the API answered {what}: {_excerpt(response)}", where=where)
    if response.status == _NO_CONTENT:  # the end of the pages, or a page that is missing: only a rule can tell
        return Failure(what, response.status)
    return Answer("take", response.received_at, parse(response))


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _matching_rule(rules: Sequence[ErrorRule], response: Response) -> ErrorRule | None:
    for rule in rules:
        if matches_status(rule, response.status) and (rule.where is None or _holds(rule.where, response.body)):
            return rule
    return None


def _holds(expression: str, body: bytes) -> bool:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return bool(jmespath.search(expression, content))


def _excerpt(response: Response) -> str:
    text = response.body[: _SHOWN_BODY_CHARACTERS * 4].decode("utf-8", "replace")
    return " ".join(text.split())[:_SHOWN_BODY_CHARACTERS] or "(empty body)"


def _given_up(failure: Failure, attempts: int, request: Request, stream: Stream) -> RefusedError:
    tries = f"{attempts} tries" if attempts > 1 else "1 try"
    fix = "run again later; the bookmark has not moved past what was read."
    if failure.unreachable:
        fix = "check base_url and the network."
    elif failure.status == _NO_CONTENT:
        fix = 'if it means that there are no more records: "errors": [{"status": [204], "do": "end"}].'
    return RefusedError(f"{failure.what}, after {tries}", where=f'stream "{stream.name}": {request.show()}', fix=fix)


def _unreachable(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
