"""Turns the option "auth" into what `requests` calls on every request to the API's own origin."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from requests.auth import AuthBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest

    from tap_rest_api.auth_options import Auth


class Credentials(AuthBase):
    """Puts one stream's credentials on a prepared request."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._place = _KINDS[auth.type]

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the credentials."""
        self._place(request, self._auth)
        return request


def _none(request: PreparedRequest, auth: Auth) -> None:
    """Leave the request alone; a class of our own all the same, so that netrc is never asked."""


def _basic(request: PreparedRequest, auth: Auth) -> None:
    pair = f"{auth.username}:{auth.password}".encode()  # UTF-8, as RFC 7617 lets a server announce
    request.headers["Authorization"] = f"Basic {b64encode(pair).decode()}"


def _bearer(request: PreparedRequest, auth: Auth) -> None:
    request.headers["Authorization"] = f"Bearer {auth.token}"


def _api_key(request: PreparedRequest, auth: Auth) -> None:
    _KEY_PLACES[auth.place](request, auth)


def _key_in_header(request: PreparedRequest, auth: Auth) -> None:
    request.headers[auth.name] = f"{auth.prefix}{auth.token}"


def _key_in_query(request: PreparedRequest, auth: Auth) -> None:
    """Set the parameter, once: a next-page link may carry it already."""
    parts = urlsplit(request.url or "")
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != auth.name]
    request.url = urlunsplit(parts._replace(query=urlencode([*pairs, (auth.name, auth.token)])))


def _key_in_cookie(request: PreparedRequest, auth: Auth) -> None:
    request.headers["Cookie"] = f"{auth.name}={auth.token}"


_KEY_PLACES: dict[str, Callable[[PreparedRequest, Auth], None]] = {
    "header": _key_in_header,
    "query": _key_in_query,
    "cookie": _key_in_cookie,
}
_KINDS: dict[str, Callable[[PreparedRequest, Auth], None]] = {
    "none": _none,
    "basic": _basic,
    "bearer": _bearer,
    "api_key": _api_key,
}
