"""The security table: no secret in a log, state or message, raw, base64 or URL-encoded, even at DEBUG.

The server knows every credential, and puts it wherever a server can put something.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tap_rest_api.log import log_error
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.fake_api import Seen

USER, SECRET = "ada@example.com", "s3cr3t/T0ken+with=chars&'more\"-0123456789abcdef"
ACCESS = "acc3ss/T0ken+given=by&the server"
ENVIRONMENT = {"THE_USER": USER, "THE_SECRET": SECRET}
CLIENT = {"type": "oauth2", "token_url": "{url}/token", "client_id": USER, "client_secret": SECRET}
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
KEY_LINES = PEM.splitlines()[1:-1]
ENVIRONMENT |= {"THE_KEY": PEM, "THE_KEY_ON_A_LINE": PEM.replace("\n", "\\n")}
ASSERTED = {"type": "oauth2", "token_url": "{url}/token", "grant": "jwt_bearer", "client_id": USER}
AUTHS: dict[str, dict[str, Any]] = {
    "basic": {"type": "basic", "username": "${env.THE_USER}", "password": "${env.THE_SECRET}"},
    "basic, in the file": {"type": "basic", "username": USER, "password": SECRET},
    "bearer": {"type": "bearer", "token": "${env.THE_SECRET}"},
    "bearer, in the file": {"type": "bearer", "token": SECRET},
    "header": {"type": "api_key", "token": "${env.THE_SECRET}"},
    "header with a prefix": {"type": "api_key", "name": "Authorization", "prefix": "Key ", "token": SECRET},
    "query": {"type": "api_key", "in": "query", "name": "key", "token": "${env.THE_SECRET}"},
    "cookie": {"type": "api_key", "in": "cookie", "name": "sid", "token": "${env.THE_SECRET}"},
    "a parameter": {"type": "none"},
    "several tokens": {"type": "bearer", "token": ["another-token-1", "${env.THE_SECRET}"]},
    "digest": {"type": "digest", "username": USER, "password": "${env.THE_SECRET}"},
    "client credentials": {**CLIENT, "grant": "client_credentials"},
    "client credentials, basic": {**CLIENT, "grant": "client_credentials", "client_auth": "basic"},
    "refresh token": {**CLIENT, "grant": "refresh_token", "refresh_token": SECRET, "client_secret": "other-secret"},
    "password grant": {**CLIENT, "grant": "password", "username": USER, "password": SECRET},
    "assertion": {**ASSERTED, "private_key": "${env.THE_KEY}", "client_secret": SECRET, "kid": "key-1"},
    "assertion, key on a line": {**ASSERTED, "private_key": "${env.THE_KEY_ON_A_LINE}", "client_secret": SECRET},
    "login": {
        "type": "login",
        "request": {"path": "/login", "method": "POST", "body": {"user": USER, "password": "${env.THE_SECRET}"}},
        "token_path": "token",
    },
    "aws": {
        "type": "aws_sigv4",
        "service": "execute-api",
        "region": "eu-west-1",
        "access_key_id": USER,
        "secret_access_key": SECRET,
    },
}


def forms(secret: str) -> set[str]:
    """All that a reader could turn back into the secret at a glance."""
    raw = secret.encode()
    in_base64 = {b64encode(raw).decode(), urlsafe_b64encode(raw).decode()}
    return {secret, *in_base64, quote(raw), quote(raw, safe=""), quote_plus(raw), escape(secret)}


def echo(seen: Seen) -> str:
    """Everything the request said, and the secret in every form."""
    headers = "; ".join(f"{name}: {value}" for name, value in seen.headers.items())
    known = " ".join([*sorted(forms(SECRET) | forms(ACCESS)), *KEY_LINES, PEM, repr(PEM)])
    return f"{seen.line} {unquote_plus(seen.target)} {headers} {seen.body.decode()} {known} {USER}"


def in_error_page(seen: Seen) -> Reply:
    return Reply(f"<h1>Error</h1>{echo(seen)}".encode(), 400)


def cut_after(characters: int) -> Callable[[Seen], Reply]:
    """Put the secret where the message cuts the body, which must not show the half of it."""

    def in_long_error_page(seen: Seen) -> Reply:
        form = sorted(forms(SECRET))[characters % len(forms(SECRET))]
        return Reply(f"{'x' * (199 - characters)} {form} {echo(seen)}".encode(), 404)

    return in_long_error_page


def in_retried_error(seen: Seen) -> Reply:
    return Reply(echo(seen).encode(), 503, {"Retry-After": SECRET, "X-Echo": SECRET})


def in_refusal(seen: Seen) -> Reply:
    return Reply({"error": echo(seen)}, 401, {"WWW-Authenticate": f'Bearer realm="{quote(SECRET)}"'})


def in_redirect(seen: Seen) -> Reply:
    return Reply(status=302, headers={"Location": f"http://192.0.2.1/{quote(SECRET)}?key={quote_plus(SECRET)}"})


def in_redirect_with_user(seen: Seen) -> Reply:
    return Reply(status=302, headers={"Location": f"http://{quote(SECRET, safe='')}@192.0.2.1/"})


def in_odd_redirect(seen: Seen) -> Reply:
    return Reply(status=302, headers={"Location": f"ftp:{'x' * 180}{quote(SECRET)}"})


def in_own_redirect(seen: Seen) -> Reply:
    if "again" in seen.target:
        return in_error_page(seen)
    return Reply(status=307, headers={"Location": f"/again?echo={quote_plus(SECRET)}"})


def in_keys_of_the_body(seen: Seen) -> Reply:
    return Reply({SECRET: 1, echo(seen): [], "z": 2})


def in_broken_json(seen: Seen) -> Reply:
    return Reply(b'{"data": [' + echo(seen).encode())


def in_link(seen: Seen) -> Reply:
    return Reply({"data": [{"id": 1}]}, headers={"Link": f'<http://192.0.2.1/?key={quote_plus(SECRET)}>; rel="next"'})


def in_records_and_token(seen: Seen) -> Reply:
    following = {"Link": f'</items?page=2&key={quote_plus(SECRET)}>; rel="next"'} if "page=2" not in seen.target else {}
    return Reply({"data": [{"id": len(seen.target), "echo": echo(seen)}]}, headers=following)


def in_encoding(seen: Seen) -> Reply:
    return Reply(b"x", headers={"Content-Encoding": SECRET, "Content-Type": f"text/{quote(SECRET)}"})


ECHOES = (
    in_error_page,
    *map(cut_after, range(5, 45, 8)),
    in_retried_error,
    in_refusal,
    in_redirect,
    in_redirect_with_user,
    in_odd_redirect,
    in_own_redirect,
    in_keys_of_the_body,
    in_broken_json,
    in_link,
    in_records_and_token,
    in_encoding,
)


@pytest.mark.parametrize(("name", "log_format"), list(zip(AUTHS, cycle(["text", "json"]), strict=False)))
def test_no_secret_is_written_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, log_format: str
) -> None:
    for answer in ECHOES:
        with FakeApi(lambda seen, answer=answer: granted(seen) or answer(seen)) as api:
            outcome = run_tap(
                tmp_path, config(api.url, name), environment=ENVIRONMENT, log_level="debug", log_format=log_format
            )
            if outcome.error:
                log_error(outcome.error)
        messages = b"\n".join(line for line in outcome.lines if b'"RECORD"' not in line).decode()
        check(answer, capsys.readouterr().err)
        check(answer, messages)


@pytest.mark.parametrize("name", ["client credentials", "refresh token", "password grant", "login", "assertion"])
def test_what_a_token_endpoint_says_is_masked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for answer in ECHOES:
        with FakeApi(answer) as api:
            outcome = run_tap(tmp_path, config(api.url, name), environment=ENVIRONMENT, log_level="debug")
        assert outcome.error
        log_error(outcome.error)
        check(answer, capsys.readouterr().err)


def granted(seen: Seen) -> Reply | None:
    """Give a token to whoever asks, and a challenge to whoever brings no answer to one."""
    if seen.path == "/token":
        return Reply({"access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600, "refresh_token": SECRET})
    if seen.path == "/login":
        return Reply({"token": ACCESS, "user": USER})
    challenge = 'Digest realm="api", nonce="abc", qop="auth", algorithm=SHA-256'
    is_open = "x-digest" in seen.headers and "authorization" not in seen.headers
    return Reply(status=401, headers={"WWW-Authenticate": challenge}) if is_open else None


def check(answer: Callable[[Seen], Reply], text: str) -> None:
    for form in forms(SECRET) | forms(ACCESS) | forms(f"{USER}:{SECRET}"):
        assert form not in text, answer.__name__
    assert "eyJ" not in text, f"{answer.__name__}: an assertion"  # how the JSON of its header begins in base64
    for line in KEY_LINES:
        assert line not in text, f"{answer.__name__}: the private key"
    for form in forms(SECRET) | forms(ACCESS):
        assert form[:12] not in text, f"{answer.__name__}: a part of a secret"


def config(url: str, name: str) -> dict[str, Any]:
    stream: dict[str, Any] = {
        "name": "items",
        "path": "/items",
        "records": "data",
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
    }
    auth = json.loads(json.dumps(AUTHS[name]).replace("{url}", url))
    if name == "digest":
        stream["headers"] = {"X-Digest": "1"}
    if name == "a parameter":
        stream |= {"params": {"key": "${env.THE_SECRET}"}, "headers": {"X-Own": "${env.THE_SECRET}"}}
    return {"base_url": url, "auth": auth, "limits": {"retries": 1, "max_wait": "PT0S"}, "streams": [stream]}
