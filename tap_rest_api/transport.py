"""Turns a Request into its whole Response, over one pool of connections and through redirects."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_rest_api.body import ACCEPT_ENCODING, decode_body
from tap_rest_api.cut import cut
from tap_rest_api.errors import BodyError, RefusedError
from tap_rest_api.log import LOGGER
from tap_rest_api.media import IN_PIECES, format_of
from tap_rest_api.origin import is_own, parse_origin, resolve
from tap_rest_api.server_time import server_time
from tap_rest_api.spool import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_rest_api.config import Config
    from tap_rest_api.limits import Limits
    from tap_rest_api.origin import Origin
    from tap_rest_api.spool import Spool

_CHUNK_BYTES = 256 * 1024
_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_CONNECTIONS = 64  # as many may be in use at once; more would be opened, and closed after each request


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


@dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may go: to `own` with credentials and headers, to `allowed` hosts without."""

    own: Origin
    allowed: Sequence[str] = ()


class Transport:
    """Sends requests, from several threads at once.

    Neither netrc nor the environment's proxies nor its certificates are looked at: this is requests' adapter,
    without its Session, which would also read a redirect's body, whatever its size, and keep cookies.

    Args:
        config: Says who asks, through which proxy, and which certificates count.
        clock: Seconds that only grow.
        now: The time in UTC.
    """

    def __init__(self, config: Config, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._clock, self._now = clock, now
        self._adapter = HTTPAdapter(pool_connections=_KEPT_CONNECTIONS, pool_maxsize=_KEPT_CONNECTIONS)
        self._verify = config.verify
        self._proxies = {"http": config.proxy, "https": config.proxy} if config.proxy else {}
        self._headers = {
            "User-Agent": config.user_agent,
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
        }
        if config.verify is False:
            LOGGER.warning('the server\'s certificate is not verified, by "verify": anyone may answer in its place')
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # it has just been said

    def exchange(
        self, request: Request, reach: Reach, limits: Limits, sign: Callable[[requests.PreparedRequest], None]
    ) -> Response:
        """Send one request and follow its redirects by hand, each held against where requests may go.

        Raises:
            RefusedError: The API redirects in a ring, or to where nobody may be asked.
            BodyError: The body is cut, broken, too large or too slow.
            requests.RequestException: The connection failed before the body.
            urllib3.exceptions.HTTPError: It failed while the body was read.
        """
        deadline = self._clock() + limits.total_timeout_seconds
        asked_at = self._now()
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(request, reach, limits, sign)
            try:
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    request = _redirected(request, response.status_code, resolve(request.url, location))
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

    def _send(
        self, request: Request, reach: Reach, limits: Limits, sign: Callable[[requests.PreparedRequest], None]
    ) -> requests.Response:
        own = is_own(request.url, reach.own, reach.allowed)
        prepared = _prepare(request, {**self._headers, **request.headers} if own else self._headers)
        if parse_origin(prepared.url or "") != parse_origin(request.url):
            raise RefusedError(f"the host of this URL can be read in two ways: {cut(request.url, 200)!r}")
        if own:
            sign(prepared)
        timeouts = (limits.connect_timeout_seconds, limits.read_timeout_seconds)
        return self._adapter.send(prepared, stream=True, timeout=timeouts, verify=self._verify, proxies=self._proxies)

    def _chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        """Yield the body undecoded. `read1` returns what is there, so that a dripping server meets the deadline."""
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            yield chunk
            if self._clock() > deadline:
                raise BodyError("the answer takes longer than total_timeout")


def _prepare(request: Request, headers: Mapping[str, str]) -> requests.PreparedRequest:
    prepared = requests.Request(
        request.method, request.url, params=list(request.params), headers=dict(headers), data=request.body
    ).prepare()
    if request.body is not None:
        prepared.headers.setdefault("Content-Type", "application/json")
    return prepared


def _redirected(request: Request, status: int, url: str) -> Request:
    """Follow as RFC 9110, 15.4 says: 307 and 308 keep the method, the others make it a GET."""
    if status in (307, 308) or request.method == "GET":
        return Request(request.method, url, (), request.headers, request.body, request.format)
    kept = {name: value for name, value in request.headers.items() if not name.lower().startswith("content-")}
    return Request("GET", url, (), kept, format=request.format)
