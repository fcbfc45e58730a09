"""Turns a Request into its whole Response, over one pool of connections and through redirects."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import requests

from tap_rest_api.auth import Credentials
from tap_rest_api.body import ACCEPT_ENCODING, decode_body
from tap_rest_api.errors import BodyError, RefusedError
from tap_rest_api.log import LOGGER
from tap_rest_api.media import IN_PIECES, format_of
from tap_rest_api.origin import is_own, parse_origin
from tap_rest_api.server_time import server_time
from tap_rest_api.spool import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_rest_api.auth_options import Auth
    from tap_rest_api.config import Config
    from tap_rest_api.limits import Limits
    from tap_rest_api.spool import Spool

_CHUNK_BYTES = 256 * 1024
_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for its credentials. `format` is what its answer is to be read as."""

    method: str
    url: str
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    format: str = "auto"

    def show(self) -> str:
        """Return method and URL, for logs and messages."""
        return f"{self.method} {self.url}{'?' + urlencode(self.params) if self.params else ''}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole.

    Attributes:
        headers: By lower-case name.
        body: Decompressed; of one that is too large to hold, the beginning.
        url: Where it came from after redirects.
        as_of: A time on the server's clock: whatever bears an earlier one, the server could show.
        spool: All of a body that is too large to hold.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    received_at: datetime
    as_of: datetime
    spool: Spool | None = None


class Transport:
    """Talks to one API.

    Args:
        config: Names the API's origin; every URL is held against it.
        clock: Seconds that only grow.
        now: The time in UTC.
    """

    def __init__(self, config: Config, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self.own = parse_origin(config.base_url)
        self._config = config
        self._clock, self._now = clock, now
        self._session = _session(config.user_agent)

    def exchange(self, request: Request, auth: Auth, limits: Limits) -> Response:
        """Send one request and follow its redirects by hand, each held against the API's origin.

        Raises:
            RefusedError: The API redirects in a ring, or to where nobody may be asked.
            BodyError: The body is cut, broken, too large or too slow.
            requests.RequestException: The connection failed before the body.
            urllib3.exceptions.HTTPError: It failed while the body was read.
        """
        deadline = self._clock() + limits.total_timeout_seconds
        asked_at = self._now()
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(request, auth, limits)
            try:
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    request = _redirected(request, response.status_code, urljoin(request.url, location))
                    continue
                parts = decode_body(self._chunks(response, deadline), response.headers.get("Content-Encoding", ""))
                form = format_of(request.format, response.headers.get("Content-Type", ""))
                body, spool = gather(parts, may_spool=form in IN_PIECES and response.status_code == HTTPStatus.OK)
            finally:
                response.close()
            headers = {name.lower(): value for name, value in response.headers.items()}
            LOGGER.debug("%s: %d, %d bytes", request.show(), response.status_code, len(body))
            received_at = self._now()
            as_of = server_time(headers.get("date", ""), asked_at, received_at)
            return Response(response.status_code, headers, body, response.url or request.url, received_at, as_of, spool)
        raise RefusedError("the API redirects in a ring")

    def _send(self, request: Request, auth: Auth, limits: Limits) -> requests.Response:
        own = is_own(request.url, self.own, self._config.allowed_hosts)
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=list(request.params),
                headers=dict(request.headers) if own else {},
                data=request.body,
                auth=Credentials(auth) if own else None,
            )
        )
        if request.body is not None:
            prepared.headers.setdefault("Content-Type", request.headers.get("Content-Type", "application/json"))
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


def _session(user_agent: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither netrc nor proxies from the environment
    session.headers.clear()
    session.headers.update({"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING})
    return session


def _redirected(request: Request, status: int, url: str) -> Request:
    """Follow as RFC 9110, 15.4 says: 307 and 308 keep the method, the others make it a GET."""
    if status in (307, 308) or request.method == "GET":
        return Request(request.method, url, (), request.headers, request.body, request.format)
    return Request("GET", url, (), request.headers, format=request.format)
