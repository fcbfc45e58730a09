"""Turns the request of a login into a token: whatever its answer holds where the option "token_path" says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_rest_api.error_rules import look_up
from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.template import to_text
from tap_rest_api.tokens import Token
from tap_rest_api.transport import Request
from tap_rest_api.verdict import excerpt, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_rest_api.auth_options import Auth
    from tap_rest_api.credential import Ask
    from tap_rest_api.transport import Response

_REFUSALS = (400, 401, 403)
_FORM = "application/x-www-form-urlencoded"


class Login:
    """Obtains a token by one request.

    Args:
        auth: The options.
        base_url: What a path of its request is below.
        ask: Sends a request and reads its answer.
        conceal: Is told every token, before anything can be written of it.
    """

    def __init__(self, auth: Auth, base_url: str, ask: Ask, conceal: Callable[[Iterable[str]], None]) -> None:
        self._auth, self._base_url, self._ask, self._conceal = auth, base_url, ask, conceal

    def obtain(self) -> Token:
        """Log in.

        Raises:
            CredentialsError: The API refuses, or gives no token.
            RefusedError: It cannot be reached, or knows no such request.
        """
        text = self._ask(to_request(self._auth.request, self._base_url), self._read)
        self._conceal([text])
        return Token(text, self._auth.ttl_seconds)

    def _read(self, response: Response) -> str:
        status = status_text(response.status)
        if response.status in _REFUSALS:
            fix = 'check "auth" and the variables it names.'
            raise CredentialsError(f"the login answered {status}: {excerpt(response)}", fix=fix)
        if not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, successful
            raise RefusedError(f"the login answered {status}: {excerpt(response)}", fix='check "auth.request".')
        token = self._find(response)
        if token is None or token == "" or isinstance(token, (bool, dict, list)):
            message = f'the login answered {status}, without a token at "{self._auth.token_path}"'
            raise CredentialsError(message, fix='check "token_path"; header:NAME looks among the headers.')
        return to_text(token)

    def _find(self, response: Response) -> Any:
        source, _, name = self._auth.token_path.partition(":")
        if source == "header" and name:
            return response.headers.get(name.lower())
        if response.body.lstrip()[:1] == b"<":
            raise BodyError("the login answered with HTML, not with JSON")
        return look_up(self._auth.token_path, response.body)


def to_request(options: Any, base_url: str) -> Request:
    """Read the options of a login's request: `path`, `method`, `params`, `headers`, `body`, `body_type`."""
    path = options["path"]
    url = path if path.startswith(("http://", "https://")) else f"{base_url}/{path.lstrip('/')}"
    headers = {name: to_text(value) for name, value in options.get("headers", {}).items()}
    params = tuple((name, to_text(value)) for name, value in options.get("params", {}).items())
    content = options.get("body")
    body = None if content is None else json.dumps(content).encode()
    if options.get("body_type") == "form":
        body = urlencode([(name, to_text(value)) for name, value in content.items()]).encode()
        headers = {"Content-Type": _FORM, **headers}
    return Request(options.get("method", "POST"), url, params, headers, body)
