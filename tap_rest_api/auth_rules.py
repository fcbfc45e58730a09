"""Turns the option "auth" of a merged stream into problems: what its type or grant does not take, or lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_rest_api.instants import parse_duration
from tap_rest_api.problem import Problem, header_text_problems, ignored_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_rest_api.problem import RawStream

_PLACE = {"in", "name", "prefix"}
_CLIENT = {"grant", "token_url", "client_id", "client_secret", "client_auth", "scope", "extra", *_PLACE}
_AWS = {"service", "region", "access_key_id", "secret_access_key", "session_token"}

# Which options mean something for which type; any other would be ignored, so it is refused.
AUTH_OPTIONS = {
    "none": set(),
    "basic": {"username", "password"},
    "digest": {"username", "password"},
    "bearer": {"token"},
    "api_key": {"token", *_PLACE},
    "oauth2": {*_CLIENT, "refresh_token", "persist", "username", "password", "private_key", "claims", "kid"},
    "login": {"request", "token_path", "ttl", *_PLACE},
    "aws_sigv4": _AWS,
}
GRANT_OPTIONS = {
    "client_credentials": _CLIENT,
    "refresh_token": {*_CLIENT, "refresh_token", "persist"},
    "password": {*_CLIENT, "username", "password"},
    "jwt_bearer": {*_CLIENT, "private_key", "claims", "kid"},
}
_NEEDS = {
    "none": (),
    "basic": ("username",),
    "digest": ("username",),
    "bearer": ("token",),
    "api_key": ("token",),
    "oauth2": ("grant", "token_url"),
    "login": ("request", "token_path"),
    "aws_sigv4": ("service", "region"),
}
_GRANT_NEEDS = {
    "client_credentials": ("client_id", "client_secret"),
    "refresh_token": ("refresh_token",),
    "password": ("username", "password"),
    "jwt_bearer": ("private_key",),
}
RENEWABLE = ("oauth2", "login", "digest")  # types that a 401 can make ask for something new
_FREE_TEXTS = ("private_key", "persist", "token_path")  # no header ever holds them; a PEM text has lines
_ENCODED_TEXTS = ("password",)  # sent hashed, in base64 or in a form, so that any letter is right


def auth_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with a stream's auth."""
    options = stream.get("auth", {"type": "none"})
    kind = options["type"]
    grant = options.get("grant")
    known, needs, noun = AUTH_OPTIONS[kind], _NEEDS[kind], f'auth "{kind}"'
    if kind == "oauth2" and grant is not None:
        known, needs, noun = GRANT_OPTIONS[grant], (*needs, *_GRANT_NEEDS[grant]), f'grant "{grant}"'
    yield from ignored_options(options, known, noun, "auth")
    for option in needs:
        if not options.get(option):
            yield Problem(["auth"], f'{noun} needs "{option}"', f'add "{option}"{_EXAMPLES.get(option, "")}.')
    for rule in (_text_problems, _place_problems, _token_problems, _client_problems, _login_problems, _aws_problems):
        yield from rule(options)


_EXAMPLES = {
    option: f': "${{env.{option.upper()}}}"'
    for option in ("token", "username", "password", "client_id", "client_secret", "refresh_token", "private_key")
}


def _text_problems(options: RawStream) -> Iterator[Problem]:
    for option, value in options.items():
        if option in _ENCODED_TEXTS:
            yield from header_text_problems(value.encode("ascii", "replace").decode(), ["auth", option])
        elif option not in _FREE_TEXTS:
            yield from _nested_text_problems(value, ["auth", option])


def _nested_text_problems(value: Any, path: Sequence[str | int]) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from header_text_problems(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested_text_problems(item, [*path, index])


def _place_problems(options: RawStream) -> Iterator[Problem]:
    if "prefix" in options and options.get("in", "header") != "header":
        yield Problem(["auth", "prefix"], "a prefix stands only in a header", "leave it out.")
    if options["type"] != "api_key" and options.get("in", "header") != "header" and "name" not in options:
        yield Problem(["auth", "in"], "the token has no name there", 'add "name".')


def _token_problems(options: RawStream) -> Iterator[Problem]:
    tokens = options.get("token")
    if isinstance(tokens, list) and (options["type"] != "bearer" or not all(tokens)):
        fix = 'several belong to auth "bearer", and none of them may be empty.'
        yield Problem(["auth", "token"], "this cannot be a list of tokens", fix)


def _client_problems(options: RawStream) -> Iterator[Problem]:
    if "token_url" in options and not _is_url(options["token_url"]):
        yield Problem(["auth", "token_url"], "token_url is not a whole URL", 'write it like "https://host/token".')
    for option in ("client_auth", "client_secret"):
        if option in options and not options.get("client_id"):
            yield Problem(["auth", option], f'"{option}" without a client', 'add "client_id".')
    if options.get("client_auth") == "basic" and not options.get("client_secret"):
        yield Problem(["auth", "client_auth"], "basic auth of a client needs its secret", 'add "client_secret".')
    if options.get("grant") == "jwt_bearer" and not options.get("client_id") and "iss" not in options.get("claims", {}):
        yield Problem(["auth"], "the assertion has no issuer", 'add "client_id", or "iss" to "claims".')
    for name, value in options.get("extra", {}).items():
        if isinstance(value, (dict, list)):
            yield Problem(["auth", "extra", name], "a form field cannot hold this", "write a text or a number.")


def _login_problems(options: RawStream) -> Iterator[Problem]:
    request = options.get("request", {})
    if request.get("path", "").startswith("http") and not _is_url(request["path"]):
        yield Problem(["auth", "request", "path"], "this is not a URL", "write it like /login or https://host/login.")
    for name, value in request.get("headers", {}).items():
        yield from header_text_problems(f"{name}{value}", ["auth", "request", "headers", name])
    if request.get("body_type") == "form":
        body = request.get("body")
        if not isinstance(body, dict) or any(isinstance(value, (dict, list)) for value in body.values()):
            yield Problem(["auth", "request", "body"], "a form is an object of texts", 'or "body_type": "json".')
    if "ttl" in options and parse_duration(options["ttl"]) is None:
        yield Problem(["auth", "ttl"], "ttl is not a duration", 'write it like "PT30M".')


def _aws_problems(options: RawStream) -> Iterator[Problem]:
    has_id, has_secret = "access_key_id" in options, "secret_access_key" in options
    if has_id != has_secret or ("session_token" in options and not has_id):
        fix = "without any of them, boto's own chain finds the credentials."
        yield Problem(["auth"], '"access_key_id" and "secret_access_key" belong together', fix)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
