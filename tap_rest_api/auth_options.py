"""Turns the option "auth" into an Auth: how a request says who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from tap_rest_api.limits import to_seconds
from tap_rest_api.template import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Object = Mapping[str, Any]
_BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Auth:
    """How a request says who asks. Two that are equal share their tokens.

    Attributes:
        tokens: The option "token", of which bearer may have several.
        place: The option "in".
        name: Of the header, parameter or cookie that takes a key or token.
        prefix: What stands before it there.
        ttl_seconds: How long a login's token is used.
    """

    type: str = "none"
    username: str = ""
    password: str = ""
    tokens: tuple[str, ...] = ()
    place: str = "header"
    name: str = ""
    prefix: str = ""
    grant: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    client_auth: str = "body"
    refresh_token: str = ""
    scope: str = ""
    persist: str = ""
    private_key: str = ""
    kid: str = ""
    token_path: str = ""
    ttl_seconds: float | None = None
    service: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    extra: Object = field(default_factory=dict, hash=False)
    claims: Object = field(default_factory=dict, hash=False)
    request: Object = field(default_factory=dict, hash=False)

    def secrets(self) -> set[str]:
        """Return the texts that must never be written anywhere, two of them as basic auth joins them."""
        own = {getattr(self, name) for name in _SECRET_FIELDS}
        pairs = {f"{self.username}:{self.password}", f"{self.client_id}:{self.client_secret}", basic_pair(self)}
        key_lines = {
            line for line in self.private_key.replace("\\n", "\n").splitlines() if not line.startswith("-----")
        }
        sent = {*_texts(self.extra), *(text for place in _SENT for text in _texts(self.request.get(place)))}
        return {*own, *pairs, *key_lines, *sent, *self.tokens} - {"", ":"}


_SECRET_FIELDS = """
    username password client_id client_secret refresh_token private_key access_key_id secret_access_key session_token
""".split()
_SENT = ("params", "headers", "body")  # of a login's request
_RENAMED = {"in": "place", "token": "tokens", "ttl": "ttl_seconds"}
_READERS: dict[str, Callable[[Any], Any]] = {
    "token": lambda token: (token,) if isinstance(token, str) else tuple(token),
    "ttl": to_seconds,
}
_KEY_NAMES = {"api_key": "X-API-Key", "oauth2": "Authorization", "login": "Authorization"}
_TOKEN_TYPES = ("oauth2", "login")


def to_auth(raw: Mapping[str, Any], scope: Mapping[str, Mapping[str, Any]] | None = None) -> Auth:
    """Read options that the configuration's rules have accepted.

    Args:
        raw: The options.
        scope: What their templates stand for, by group.
    """
    rendered = render(raw, scope or {})
    values = {_RENAMED.get(key, key): _READERS.get(key, _same)(value) for key, value in rendered.items()}
    auth = Auth(**values)
    name = auth.name or _KEY_NAMES.get(auth.type, "")
    is_bearer = auth.type in _TOKEN_TYPES and auth.place == "header" and name.lower() == "authorization"
    return replace(auth, name=name, prefix=values.get("prefix", _BEARER if is_bearer else ""))


def basic_pair(auth: Auth) -> str:
    """Join a client's id and secret for basic auth, encoded first as RFC 6749, 2.3.1 wants it."""
    return f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"


def _same(value: Any) -> Any:
    return value


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, but for the keys of objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
