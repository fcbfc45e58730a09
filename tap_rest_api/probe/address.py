"""Turns the URL that a person gives into what a configuration holds of it: base URL, path, parameters, a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tap_rest_api.errors import ConfigError
from tap_rest_api.probe.secrecy import check_is_named, looks_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER = re.compile(r"0|[1-9]\d{0,9}", re.ASCII)
_ENDINGS = (".json", ".csv", ".jsonl", ".ndjson", ".php", ".aspx")
_MOST_CHARACTERS = 60
_WHERE = "URL"


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint.

    Attributes:
        base_url: Scheme, host and all of the path but its last part.
        path: The last part.
        name: What the stream may be called.
        params: The query; numbers as numbers, a repeated parameter as a list.
        secret_params: Those of them that are credentials, `${env.X}` as they were given.
    """

    base_url: str
    path: str
    name: str
    params: dict[str, Any]
    secret_params: dict[str, str]

    @property
    def host(self) -> str:
        """Return the host."""
        return urlsplit(self.base_url).hostname or ""


def parse_address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ConfigError: It is no http(s) URL, or holds a secret in clear.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"this is not a URL: {error}", where=_WHERE) from None
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[^\s\"<>\\^`]+", url):
        fix = 'write it whole, in quotes: "https://api.example.com/v1/orders".'
        raise ConfigError("this is not an http URL", where=_WHERE, fix=fix)
    if "@" in parts.netloc:
        fix = "leave them out: --auth basic:env.USER:env.PASSWORD takes them from the environment."
        raise ConfigError("the URL holds a user and password", where=_WHERE, fix=fix)
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    slash = "/" if parts.path.endswith("/") and last else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    secret = {name: value for name, value in pairs if looks_secret(name, value)}
    for name, value in secret.items():
        check_is_named(value, f'the parameter "{name}"', _WHERE, f"{name}=${{env.{to_variable(name)}}}")
    return Address(
        base_url=f"{parts.scheme}://{parts.netloc}{folder}",
        path=f"/{last}{slash}",
        name=to_name(unquote(last)) or "records",
        params=_to_params([pair for pair in pairs if pair[0] not in secret]),
        secret_params=secret,
    )


def to_name(text: str) -> str:
    """Make a stream's name of a text; empty if nothing of it can stand in one."""
    for ending in _ENDINGS:
        text = text.removesuffix(ending)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:_MOST_CHARACTERS]
    return f"_{name}" if name[:1].isdigit() else name


def to_variable(text: str) -> str:
    """Make an environment variable's name of a text."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_") or "API_KEY"


def _to_params(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, text in pairs:
        value = int(text) if _NUMBER.fullmatch(text) else text
        if name not in params:
            params[name] = value
        else:
            params[name] = [*(params[name] if isinstance(params[name], list) else [params[name]]), value]
    return params
