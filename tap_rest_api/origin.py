"""Turns a URL that somebody gave into the decision whether it may be asked, and with credentials or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from tap_rest_api.cut import cut
from tap_rest_api.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_CHARACTERS = 200
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, as RFC 6454 compares them; the host is compared as text, never resolved."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


_USER_FIX = "the API links to itself with a user's name in the URL: tell its maintainers."


def parse_origin(url: str) -> Origin:
    """Read a URL's origin.

    Raises:
        RefusedError: It is not an http(s) URL with a host, or names a user.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RefusedError(f"not a URL: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise RefusedError(f"not an http URL: {cut(url, _SHOWN_CHARACTERS)}")
    if parts.username is not None or "\\" in parts.netloc:
        raise RefusedError("a URL that names a user is not followed", where=parts.hostname, fix=_USER_FIX)
    return Origin(parts.scheme, _to_ascii(parts.hostname.lower()), port or _PORTS[parts.scheme])


def resolve(base: str, reference: str) -> str:
    """Return the URL that a link means on a page (RFC 3986, section 5). Raises RefusedError: it is no URL."""
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise RefusedError(f"not a URL: {error}") from None


def _to_ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise RefusedError(f"not a host name: {cut(host, _SHOWN_CHARACTERS)!r}") from None


def user_secrets(url: str) -> set[str]:
    """Return what a URL tells of its user, as it stands there and decoded; a proxy's may name one."""
    parts = urlsplit(url)
    given = [parts.username or "", parts.password or "", f"{parts.username or ''}:{parts.password or ''}"]
    return {*given, *map(unquote, given)} - {"", ":"}


def is_own(url: str, own: Origin, allowed_hosts: Iterable[str]) -> bool:
    """Tell whether a URL is on the API's own origin (True) or on an allowed host (False: no credentials).

    Raises:
        RefusedError: It is on neither, or would leave https.
    """
    origin = parse_origin(url)
    if origin == own:
        return True
    if own.scheme == "https" and origin.scheme != "https":
        raise RefusedError(f"the API sends us from https to {origin}, which is not followed")
    if not any(_names(entry, origin) for entry in allowed_hosts):
        fix = f'if it is right, add "{origin.host}:{origin.port}" to "allowed_hosts"; it gets no credentials.'
        raise RefusedError(f"the API sends us to another origin, {origin}", fix=fix)
    return False


def _names(entry: str, origin: Origin) -> bool:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    names = {f"{host}:{origin.port}"}
    if origin.port == _PORTS[origin.scheme]:
        names.add(host)
    return entry.lower() in names
