"""Turns a secret and its place into what signs a request, one credential after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tap_rest_api.errors import ConfigError
from tap_rest_api.headroom import Headroom
from tap_rest_api.template import is_header_text

if TYPE_CHECKING:
    from requests import PreparedRequest

    from tap_rest_api.transport import Request, Response

T = TypeVar("T")
Sign = Callable[["PreparedRequest"], None]


class Ask(Protocol):
    """Sends the request for a token, through retries, and returns what `read` makes of its answer."""

    def __call__(self, request: Request, read: Callable[[Response], T]) -> T:
        """Send it; raise a TapError if nothing comes of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Credential:
    """One way to sign requests, and what the API still allows it."""

    sign: Sign
    headroom: Headroom = field(default_factory=Headroom)


class Signer(Protocol):
    """Gives the credentials of one option "auth", to several threads at once."""

    def credentials(self) -> Sequence[Credential]:
        """Return those that may be used now, fetched first where that is needed."""

    def renew(self, used: Credential, response: Response) -> bool:
        """Replace a credential that an answer has refused; tell whether another try makes sense."""


class Fixed:
    """Credentials that the configuration gives, and nobody can renew."""

    def __init__(self, signs: Sequence[Sign]) -> None:
        self._credentials = tuple(Credential(sign) for sign in signs)

    def credentials(self) -> Sequence[Credential]:
        """Return all of them."""
        return self._credentials

    def renew(self, used: Credential, response: Response) -> bool:  # noqa: ARG002 - the protocol's
        """Tell that there is nothing to renew."""
        return False


def sign_with_nothing(request: PreparedRequest) -> None:
    """Leave the request alone."""


def sign_with(place: str, name: str, text: str) -> Sign:
    """Return what puts a text into a "header", a parameter of the "query" or a "cookie".

    Raises:
        ConfigError: The text cannot stand in a header: it would end it and begin another.
    """
    if place != "query" and not is_header_text(text):
        raise ConfigError("the credentials hold a line break, or what is not Latin-1, and cannot stand in a header")
    return _PLACES[place](name, text)


def _in_header(name: str, text: str) -> Sign:
    def sign(request: PreparedRequest) -> None:
        request.headers[name] = text

    return sign


def _in_query(name: str, text: str) -> Sign:
    def sign(request: PreparedRequest) -> None:
        """Set the parameter, once: a next-page link may carry it already."""
        parts = urlsplit(request.url or "")
        pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
        request.url = urlunsplit(parts._replace(query=urlencode([*pairs, (name, text)])))

    return sign


def _in_cookie(name: str, text: str) -> Sign:
    return _in_header("Cookie", f"{name}={text}")


_PLACES: dict[str, Callable[[str, str], Sign]] = {"header": _in_header, "query": _in_query, "cookie": _in_cookie}
