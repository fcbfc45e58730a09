# ruff: noqa: E501 - each row of the tables stays on its line
"""OAuth 2.0 against a server that behaves as real ones do, well and badly."""

from __future__ import annotations

import json
import os
import stat
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tap_rest_api.auth_options import to_auth
from tap_rest_api.error_rules import ErrorRule
from tap_rest_api.errors import ConfigError, CredentialsError, RefusedError
from tap_rest_api.limits import Limits
from tests.tap.auth_server import AuthServer
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap
from tests.tap.test_client import World, get
from tests.tap.test_traffic import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_rest_api.auth_options import Auth


@pytest.fixture
def server() -> AuthServer:
    return AuthServer()


@pytest.fixture
def api(server: AuthServer) -> Iterator[FakeApi]:
    with FakeApi(server) as api:
        yield api


GRANTS: dict[str, dict[str, Any]] = {
    "client_credentials": {"client_id": "me", "client_secret": "s3cr:t/"},
    "refresh_token": {"client_id": "me", "refresh_token": "refresh-0"},
    "password": {"username": "ada", "password": "pa ss"},
}


def oauth2(api: FakeApi, grant: str = "client_credentials", **options: Any) -> Auth:
    return to_auth(
        {"type": "oauth2", "grant": grant, "token_url": f"{api.url}/token", **GRANTS.get(grant, {}), **options}
    )


@pytest.mark.parametrize(
    ("grant", "options", "form"),
    [
        ("client_credentials", {}, {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cr:t/"}),
        ("client_credentials", {"client_auth": "basic"}, {"grant_type": "client_credentials", "basic": "me s3cr:t/"}),
        (
            "client_credentials",
            {"scope": "a b", "extra": {"audience": "x", "n": 5}},
            {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cr:t/", "scope": "a b", "audience": "x", "n": "5"},
        ),
        ("refresh_token", {}, {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "me"}),
        ("password", {}, {"grant_type": "password", "username": "ada", "password": "pa ss"}),
    ],
    ids=["body", "basic", "scope and extra", "refresh", "password"],
)  # fmt: skip
def test_a_grant_asks_as_the_rfc_says(
    server: AuthServer, api: FakeApi, grant: str, options: dict[str, Any], form: dict[str, str]
) -> None:
    assert World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api, grant, **options)).page == [1]
    assert server.forms == [form]
    assert server.used == ["access-1"]


def test_one_token_serves_all_requests_and_streams(server: AuthServer, api: FakeApi) -> None:
    world = World(api.url)
    for name in ("a", "b", "c"):
        world.fetch(get(f"{api.url}/items"), auth=oauth2(api), name=name)
    assert (len(server.forms), server.used) == (1, ["access-1"] * 3)


@pytest.mark.parametrize(
    ("expires_in", "good", "stale"),
    [(3600, 3539, 3541), ("3600", 3539, 3541), (10, 8.9, 9.1), (None, 10**6, None), ("soon", 10**6, None), (0, 10**6, None)],
)  # fmt: skip
def test_a_token_is_renewed_before_it_expires(expires_in: Any, good: float, stale: float | None) -> None:
    with FakeApi(server := AuthServer(expires_in)) as api:
        world = World(api.url)
        world.fetch(get(f"{api.url}/items"), auth=oauth2(api))
        world.time = 1000 + good
        world.fetch(get(f"{api.url}/items"), auth=oauth2(api))
        assert len(server.forms) == 1
        if stale is not None:
            world.time = 1000 + stale
            world.fetch(get(f"{api.url}/items"), auth=oauth2(api))
            assert server.used == ["access-1", "access-1", "access-2"]


def test_a_401_in_the_middle_of_a_run_renews_the_token_once(server: AuthServer, api: FakeApi) -> None:
    world = World(api.url)
    world.fetch(get(f"{api.url}/items"), auth=oauth2(api))
    server.valid.clear()
    assert world.fetch(get(f"{api.url}/items"), auth=oauth2(api)).page == [1]
    assert server.used == ["access-1", "access-1", "access-2"]
    assert world.slept == []


def test_a_second_401_is_exit_code_3(server: AuthServer, api: FakeApi) -> None:
    server.answer = lambda seen: Reply({"error": "no such user"}, 401)  # type: ignore[method-assign]
    with pytest.raises(CredentialsError, match="401 Unauthorized") as caught:
        World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api))
    assert caught.value.exit_code == 3
    assert caught.value.where == f'stream "items": GET {api.url}/items'
    assert len(server.forms) == 2


def test_a_rule_renews_what_the_api_refuses_in_its_own_way(server: AuthServer, api: FakeApi) -> None:
    refusals = [Reply({"code": "TOKEN_EXPIRED"}), Reply([1])]
    server.answer = lambda seen: refusals.pop(0)  # type: ignore[method-assign]
    rule = ErrorRule("refresh_auth", (200,), "code == 'TOKEN_EXPIRED'")
    assert World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api), errors=(rule,)).page == [1]
    assert len(server.forms) == 2


def test_many_threads_ask_for_one_token(server: AuthServer, api: FakeApi) -> None:
    world = World(api.url)
    for round_ in (1, 2):
        answers = in_threads(8, lambda: world.fetch(get(f"{api.url}/items"), auth=oauth2(api)))
        assert [answer.page for answer in answers] == [[1]] * 8
        assert len(server.forms) == round_
        server.valid.clear()


def test_an_endpoint_that_refuses_is_asked_once_by_many_threads(server: AuthServer, api: FakeApi) -> None:
    server.fault = lambda: Reply({"error": "invalid_client"}, 401)
    world = World(api.url)
    errors = in_threads(8, lambda: world.fetch(get(f"{api.url}/items"), auth=oauth2(api)))
    assert all(isinstance(error, CredentialsError) for error in errors)
    assert (len(server.forms), server.used) == (1, [])


@pytest.mark.parametrize(
    ("reply", "error", "words", "times"),
    [
        (Reply({"error": "invalid_grant", "error_description": "expired"}, 400), CredentialsError, "400 Bad Request: invalid_grant: expired", 1),
        (Reply({"error": "bad_code"}), CredentialsError, "200 OK: bad_code", 1),
        (Reply({}), CredentialsError, "no access token", 1),
        (Reply({"access_token": None}), CredentialsError, "without an access token", 1),
        (Reply(b"<html>not found", 404), RefusedError, "404 Not Found", 1),
        (Reply(b"<html>log in", headers={"Content-Type": "text/html"}), RefusedError, "answered with text/html, not with JSON, after 3 tries", 3),
        (Reply(b"", 503), RefusedError, "503 Service Unavailable, after 3 tries", 3),
        (Reply({}, 429), RefusedError, "429 Too Many Requests, after 3 tries", 3),
        (Reply(status=302, headers={"Location": "http://other.example/token"}), RefusedError, "another origin", 1),
    ],
    ids=["refused", "refused with 200", "empty", "null", "not there", "html", "down", "busy", "redirected"],
)  # fmt: skip
def test_a_token_endpoint_that_fails_says_how(
    server: AuthServer, api: FakeApi, reply: Reply, error: type[Exception], words: str, times: int
) -> None:
    server.fault = lambda: reply
    with pytest.raises(error, match=words) as caught:
        World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api), limits=Limits(retries=2))
    assert (len(server.forms), server.used) == (times, [])
    assert f"POST {api.url}/token" in caught.value.where


def test_a_token_endpoint_that_comes_back_is_waited_for(server: AuthServer, api: FakeApi) -> None:
    faults = [Reply(b"<html>", 502), Reply(b"<html>maintenance")]
    server.fault = lambda: faults.pop(0) if faults else None
    assert World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api)).page == [1]


def test_nobody_at_the_token_endpoint_is_exit_code_4(api: FakeApi) -> None:
    with pytest.raises(RefusedError, match=r"no connection to http://127\.0\.0\.1:1"):
        World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api, token_url="http://127.0.0.1:1/token"))


def test_a_token_endpoint_elsewhere_gets_the_token_request_and_nothing_else(server: AuthServer) -> None:
    with FakeApi(server) as other, FakeApi(server) as api:
        World(api.url).fetch(get(f"{api.url}/items", headers={"X-Own": "1"}), auth=oauth2(other))
        assert (other.lines, api.lines) == (["POST /token"], ["GET /items"])
        assert "x-own" not in other.seen[0].headers
        with pytest.raises(RefusedError, match="another origin"):
            World(api.url).fetch(get(f"{other.url}/items"), auth=oauth2(other))


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a\n", "日本"])
def test_a_token_that_would_break_a_header_is_refused_before_it_is_sent(
    server: AuthServer, api: FakeApi, token: str
) -> None:
    server.fault = lambda: Reply({"access_token": token})
    with pytest.raises(ConfigError, match="cannot stand in a header"):
        World(api.url).fetch(get(f"{api.url}/items"), auth=oauth2(api))
    assert server.used == []


def test_a_token_may_stand_elsewhere(server: AuthServer, api: FakeApi) -> None:
    server.answer = lambda seen: Reply([seen.headers.get("x-token"), seen.headers.get("authorization"), seen.query])  # type: ignore[method-assign]
    world = World(api.url)
    assert world.fetch(get(f"{api.url}/"), auth=oauth2(api, name="X-Token")).page == ["access-1", None, {}]
    assert world.fetch(get(f"{api.url}/"), auth=oauth2(api, prefix="Zoho ")).page == [None, "Zoho access-2", {}]
    query = oauth2(api, **{"in": "query", "name": "access_token"})
    assert world.fetch(get(f"{api.url}/"), auth=query).page == [None, None, {"access_token": "access-3"}]


def test_of_an_answer_only_the_tokens_are_secrets(server: AuthServer, api: FakeApi) -> None:
    """A scope may be the name of a stream, which the log has to show."""
    content = {"access_token": "access-1", "token_type": "Bearer", "scope": "items", "id_token": "who-i-am"}
    server.valid.add("access-1")
    server.fault = lambda: Reply(content)
    world = World(api.url)
    world.fetch(get(f"{api.url}/"), auth=oauth2(api))
    assert {"access-1", "who-i-am"} <= world.concealed
    assert not world.concealed & {"Bearer", "items"}


# Refresh tokens that rotate


def test_a_rotated_refresh_token_is_on_the_disk_before_the_access_token_is_used(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "token.json"
    with FakeApi(server := AuthServer(rotates=True)) as api:
        kept: list[str] = []
        answer = server.answer

        def look(seen: Any) -> Reply:
            kept.append(json.loads(path.read_text())["refresh_token"])
            return answer(seen)

        server.answer = look  # type: ignore[method-assign]
        auth = oauth2(api, "refresh_token", persist=str(path))
        world = World(api.url)
        world.fetch(get(f"{api.url}/"), auth=auth)
        server.valid.clear()
        world.fetch(get(f"{api.url}/"), auth=auth)
        assert kept == ["refresh-1", "refresh-1", "refresh-2"]
        World(api.url).fetch(get(f"{api.url}/"), auth=auth)  # the next run
    assert [form["refresh_token"] for form in server.forms] == ["refresh-0", "refresh-1", "refresh-2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["token.json"]  # noqa: PTH208 - names are what counts


def test_a_new_refresh_token_in_the_configuration_counts_more_than_a_kept_one(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "token.json"
    with FakeApi(server := AuthServer(rotates=True)) as api:
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=str(path)))
        server.refresh_tokens = {"given-anew"}
        renewed = oauth2(api, "refresh_token", persist=str(path), refresh_token="given-anew")
        assert World(api.url).fetch(get(f"{api.url}/"), auth=renewed).page == [1]


def test_a_refresh_token_that_nobody_keeps_is_used_in_this_run(caplog: pytest.LogCaptureFixture) -> None:
    with FakeApi(server := AuthServer(rotates=True)) as api:
        world = World(api.url)
        for _ in range(2):
            world.fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token"))
            server.valid.clear()
    assert [form["refresh_token"] for form in server.forms] == ["refresh-0", "refresh-1"]
    assert 'set "persist"' in caplog.text


def test_a_folder_that_is_open_to_others_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with FakeApi(server := AuthServer(rotates=True)) as api, pytest.raises(ConfigError, match="open to others"):
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=str(folder / "t.json")))
    assert server.forms == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"refresh_token": "x"}', "\x00"])
def test_a_damaged_token_file_is_exit_code_2_and_stays(tmp_path: Path, content: str) -> None:
    (folder := tmp_path / "s").mkdir(mode=0o700)
    (path := folder / "t.json").write_text(content)
    with FakeApi(server := AuthServer(rotates=True)) as api, pytest.raises(ConfigError, match="cannot be read"):
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=str(path)))
    assert (server.forms, path.read_text()) == ([], content)


def test_a_token_that_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    (folder := tmp_path / "s").mkdir(mode=0o700)
    (folder / "t.json.tmp").mkdir()  # nothing can be written beside the file
    with FakeApi(server := AuthServer(rotates=True)) as api, pytest.raises(ConfigError, match="cannot be kept"):
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=str(folder / "t.json")))
    assert server.used == []


def test_what_a_crash_left_beside_the_file_is_in_nobodys_way(tmp_path: Path) -> None:
    (folder := tmp_path / "s").mkdir(mode=0o700)
    (folder / "t.json.tmp").write_text("half")
    with FakeApi(AuthServer(rotates=True)) as api:
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=str(folder / "t.json")))
    assert json.loads((folder / "t.json").read_text())["refresh_token"] == "refresh-1"


def test_two_chains_of_refresh_tokens_in_one_file_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "s" / "t.json")
    with FakeApi(AuthServer(rotates=True)) as api:
        world = World(api.url)
        world.fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=path))
        with pytest.raises(ConfigError, match="two different"):
            world.fetch(get(f"{api.url}/"), auth=oauth2(api, "refresh_token", persist=path, client_id="other"))


# Assertions


def pem(key: Any) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


KEYS = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.mark.parametrize("kid", ["", "key-1"])
def test_an_assertion_names_its_key_if_it_has_a_name(server: AuthServer, api: FakeApi, kid: str) -> None:
    jwt = pytest.importorskip("jwt")
    options = {"kid": kid} if kid else {}
    auth = oauth2(api, "jwt_bearer", client_id="me", private_key=pem(KEYS["ES256"]), **options)
    World(api.url).fetch(get(f"{api.url}/"), auth=auth)
    header = jwt.get_unverified_header(server.forms[0]["assertion"])
    assert header == {"alg": "ES256", "typ": "JWT", **options}


@pytest.mark.parametrize("form", ["text", "escaped"])
@pytest.mark.parametrize("algorithm", KEYS)
def test_an_assertion_is_signed_so_that_the_public_key_proves_it(
    server: AuthServer, api: FakeApi, algorithm: str, form: str
) -> None:
    jwt = pytest.importorskip("jwt")
    key = KEYS[algorithm]
    text = pem(key) if form == "text" else pem(key).replace("\n", "\\n")
    auth = oauth2(api, "jwt_bearer", client_id="me", private_key=text, claims={"sub": "ada", "aud": "https://x"})
    world = World(api.url)
    assert world.fetch(get(f"{api.url}/"), auth=auth).page == [1]
    assert set(server.forms[0]) == {"grant_type", "assertion"}
    assert server.forms[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assertion = server.forms[0]["assertion"]
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(assertion, key.public_key(), algorithms=[algorithm], audience="https://x", options=options)
    issued = int(world.now().timestamp())
    assert claims == {"iss": "me", "sub": "ada", "aud": "https://x", "iat": issued, "exp": issued + 300}
    assert assertion in world.concealed


@pytest.mark.parametrize("key", ["no key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_a_mistake_that_does_not_show_it(server: AuthServer, api: FakeApi, key: str) -> None:
    pytest.importorskip("jwt")
    with pytest.raises(ConfigError, match="cannot be used to sign") as caught:
        World(api.url).fetch(get(f"{api.url}/"), auth=oauth2(api, "jwt_bearer", client_id="me", private_key=key))
    assert key not in caught.value.show()
    assert server.forms == []


# Secrets


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_tokens_are_masked_wherever_a_run_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """The API echoes the token it got in its error, as it is and in base64, and the key stands in the query."""
    lock = threading.Lock()
    with FakeApi(server := AuthServer(rotates=True)) as api:

        def echo(seen: Any) -> Reply:
            with lock:
                token = seen.query["t"]
            return Reply({"why": f"{token} {b64encode(token.encode()).decode()} {server.forms[0]}"}, 404)

        server.answer = echo  # type: ignore[method-assign]
        auth = {"type": "oauth2", "grant": "refresh_token", "token_url": f"{api.url}/token", "in": "query", "name": "t"}
        auth |= {"refresh_token": "refresh-0", "client_id": "my-client", "client_secret": "${env.S}"}
        config = {"base_url": api.url, "auth": auth, "streams": [{"name": "a", "path": "/a"}]}
        outcome = run_tap(tmp_path, config, environment={"S": "hunter2+"}, log_level="debug", log_format=log_format)
        from tap_rest_api.log import log_error

        assert outcome.error is not None
        log_error(outcome.error)
    shown = capsys.readouterr().err
    assert "/a?t=***" in shown
    for secret in ("access-1", "refresh-0", "refresh-1", "hunter2", "my-client", b64encode(b"access-1").decode()):
        assert secret not in shown
