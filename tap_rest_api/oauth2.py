"""Turns the options of OAuth 2.0 into a token request, and its answer into a token (RFC 6749, RFC 7523)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_rest_api.assertion import sign_assertion
from tap_rest_api.auth_options import basic_pair
from tap_rest_api.cut import cut
from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.instants import is_number
from tap_rest_api.log import LOGGER
from tap_rest_api.template import to_text
from tap_rest_api.token_file import TokenFile
from tap_rest_api.tokens import Token
from tap_rest_api.transport import Request
from tap_rest_api.verdict import excerpt, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from tap_rest_api.auth_options import Auth
    from tap_rest_api.credential import Ask
    from tap_rest_api.transport import Response

_SECRET_NAMES = ("access_token", "refresh_token", "id_token")  # not the scope, which may be a stream's name
_REFUSALS = (400, 401, 403)  # RFC 6749, 5.2 has the first two; the third is custom
_FIX = 'check the options of "auth" and the variables they name.'


class OAuth2:
    """Obtains access tokens by one grant, and keeps up with refresh tokens that rotate.

    Args:
        auth: The options.
        ask: Sends a request and reads its answer.
        now: The time in UTC, for what is signed.
        conceal: Is told every token, before anything can be written of it.
    """

    def __init__(
        self, auth: Auth, ask: Ask, now: Callable[[], datetime], conceal: Callable[[Iterable[str]], None]
    ) -> None:
        self._auth, self._ask, self._now, self._conceal = auth, ask, now, conceal
        self._file = TokenFile(auth.persist, auth.refresh_token) if auth.persist else None
        self._refresh_token = self._file.read() if self._file else auth.refresh_token
        conceal([self._refresh_token])

    def obtain(self) -> Token:
        """Ask for an access token. A refresh token that comes with it is kept before the access token is used.

        Raises:
            CredentialsError: The endpoint refuses the grant.
            RefusedError: It cannot be reached, or does not answer with a token.
            ConfigError: The private key cannot sign, or the rotated refresh token cannot be kept.
        """
        answer = self._ask(self._request(), read_answer)
        self._conceal(answer[name] for name in _SECRET_NAMES if isinstance(answer.get(name), str))
        rotated = answer.get("refresh_token")
        if self._auth.grant == "refresh_token" and isinstance(rotated, str) and rotated != self._refresh_token:
            self._keep(rotated)
        return Token(answer["access_token"], _seconds(answer.get("expires_in")))

    def _keep(self, rotated: str) -> None:
        if self._file is None:
            LOGGER.warning('the API has replaced the refresh token: set "persist", or the next run may be refused')
        else:
            self._file.write(rotated)
        self._refresh_token = rotated

    def _request(self) -> Request:
        auth = self._auth
        form = {**_GRANTS[auth.grant](self), "scope": auth.scope, **auth.extra}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        # An assertion says who asks; a client's id beside it is not expected everywhere.
        is_client_named = auth.client_id and (auth.grant != "jwt_bearer" or auth.client_secret)
        if is_client_named and auth.client_auth == "basic":
            headers["Authorization"] = f"Basic {b64encode(basic_pair(auth).encode()).decode()}"
        elif is_client_named:
            form |= {"client_id": auth.client_id, "client_secret": auth.client_secret}
        pairs = [(name, to_text(value)) for name, value in form.items() if value not in ("", None)]
        return Request("POST", auth.token_url, headers=headers, body=urlencode(pairs).encode())

    def _client_credentials(self) -> dict[str, Any]:
        return {"grant_type": "client_credentials"}

    def _refreshed(self) -> dict[str, Any]:
        return {"grant_type": "refresh_token", "refresh_token": self._refresh_token}

    def _password(self) -> dict[str, Any]:
        return {"grant_type": "password", "username": self._auth.username, "password": self._auth.password}

    def _jwt_bearer(self) -> dict[str, Any]:
        assertion = sign_assertion(self._auth, self._now())
        self._conceal([assertion])
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


_GRANTS: Mapping[str, Callable[[OAuth2], dict[str, Any]]] = {
    "client_credentials": OAuth2._client_credentials,  # noqa: SLF001 - this module's own
    "refresh_token": OAuth2._refreshed,  # noqa: SLF001
    "password": OAuth2._password,  # noqa: SLF001
    "jwt_bearer": OAuth2._jwt_bearer,  # noqa: SLF001
}


def read_answer(response: Response) -> dict[str, Any]:
    """Read a token endpoint's answer, which has an access token.

    Raises:
        CredentialsError: It refuses, by status or, as some do, by an "error" under status 200.
        RefusedError: It is not a token endpoint.
        BodyError: It is not JSON, as when a gateway or a login page answers instead. Worth another try.
    """
    content = _json_object(response.body)
    if response.status in _REFUSALS or (content is not None and "access_token" not in content):
        raise CredentialsError(f"the token endpoint answered {_describe(response, content)}", fix=_FIX)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, successful
        fix = 'check "token_url".'
        raise RefusedError(f"the token endpoint answered {_describe(response, content)}", fix=fix)
    if content is None:
        kind = response.headers.get("content-type", "something else")
        raise BodyError(f"the token endpoint answered with {kind}, not with JSON")
    if not isinstance(content["access_token"], str) or not content["access_token"]:
        raise CredentialsError("the token endpoint answered without an access token", fix=_FIX)
    return content


def _describe(response: Response, content: dict[str, Any] | None) -> str:
    """Word a refusal by its `error` and `error_description` (RFC 6749, 5.2), never by what else may be in it."""
    status = status_text(response.status)
    if content is None:
        return f"{status}: {excerpt(response)}"
    words = [cut(str(content[name]), 200) for name in ("error", "error_description") if name in content]
    return f"{status}: {': '.join(words) or 'no access token'}"


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _seconds(value: Any) -> float | None:
    """Read `expires_in`, which some write as a text."""
    try:
        seconds = float(value) if isinstance(value, str) or is_number(value) else 0.0
    except ValueError:
        return None
    return seconds if seconds > 0 else None
