"""Turns --auth and --header into the option "auth" and the headers of a configuration, secrets by their names only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.probe.secrecy import check_is_named, looks_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMS = (
    "bearer:env.TOKEN, basic:env.USER:env.PASSWORD, digest:env.USER:env.PASSWORD, header:X-API-Key:env.KEY, "
    "query:api_key:env.KEY, or cookie:session:env.KEY"
)
_VARIABLE = re.compile(r"(?:env\.(?P<bare>[A-Za-z_]\w*)|\$\{env\.(?P<braced>[A-Za-z_]\w*)\})", re.ASCII)
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(?P<value>.*)", re.DOTALL)
_WHOLE_SECRET = re.compile(r"(?P<prefix>(?:[A-Za-z][\w-]*\s+)?)(?P<token>\$\{env\.[^{}|]+\})")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks: the option "auth", if there is one, and other headers."""

    auth: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def to_credentials(auth: str | None, headers: Sequence[str], secret_params: Mapping[str, str]) -> Credentials:
    """Read what the command line says.

    Args:
        auth: As FORMS shows.
        headers: Each "Name: value".
        secret_params: Parameters of the URL that are credentials.

    Raises:
        ConfigError: It is not understood, holds a secret in clear, or gives more credentials than one.
    """
    parsed = dict(map(_parse_header, headers))
    secret = {name: value for name, value in parsed.items() if looks_secret(name)}
    given = [
        *([_parse_auth(auth)] if auth is not None else []),
        *(_from_header(name, value) for name, value in secret.items()),
        *_from_params(secret_params),
    ]
    if len(given) > 1:
        fix = "give them once, by --auth, by a header or in the URL."
        raise ConfigError("there are two kinds of credentials", where="--auth, --header", fix=fix)
    plain = {name: value for name, value in parsed.items() if name not in secret}
    return Credentials(given[0] if given else {}, plain)


def _parse_auth(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(":")
    parts = rest.split(":")
    if kind == "bearer" and len(parts) == 1:
        return {"type": "bearer", "token": _to_template(parts[0])}
    if kind in ("basic", "digest") and len(parts) in (1, 2):
        user = _to_template(parts[0]) if _VARIABLE.fullmatch(parts[0]) else parts[0]
        return {"type": kind, "username": user, "password": _to_template(parts[1]) if parts[1:] else ""}
    if kind in ("header", "query", "cookie") and len(parts) == 2 and parts[0]:  # noqa: PLR2004 - a name and a variable
        return {"type": "api_key", "in": kind, "name": parts[0], "token": _to_template(parts[1])}
    raise ConfigError("this is not understood", where="--auth", fix=f"write {FORMS}.")


def _to_template(text: str) -> str:
    match = _VARIABLE.fullmatch(text)
    if match is None:
        fix = f"export the secret, and name the variable: {FORMS}."
        raise ConfigError("a secret is given by the name of an environment variable", where="--auth", fix=fix)
    return f"${{env.{match['bare'] or match['braced']}}}"


def _parse_header(text: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ConfigError("this is not a header", where="--header", fix="write --header 'Accept: application/json'.")
    name, value = match["name"], match["value"].strip()
    if looks_secret(name):
        check_is_named(value, f'the header "{name}"', "--header", f"{name}: ${{env.API_KEY}}")
    return name, value


def _from_header(name: str, value: str) -> dict[str, Any]:
    match = _WHOLE_SECRET.fullmatch(value)
    if match is None:
        fix = f"write it as '{name}: ${{env.API_KEY}}', with at most one word before it."
        raise ConfigError(f'the header "{name}" is more than one variable', where="--header", fix=fix)
    prefix, token = match["prefix"], match["token"]
    if name.lower() == "authorization" and prefix.strip().lower() == "bearer":
        return {"type": "bearer", "token": token}
    return {"type": "api_key", "name": name, **({"prefix": prefix} if prefix else {}), "token": token}


def _from_params(params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name, value in params.items():
        if value:
            yield {"type": "api_key", "in": "query", "name": name, "token": value}
