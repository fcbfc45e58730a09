# ruff: noqa: E501 - each row of the tables stays on its line
"""Who asks: a login, digest and signed requests, each against a server that checks it by itself."""

from __future__ import annotations

import hashlib
import hmac
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from tap_rest_api.auth_options import Auth, to_auth
from tap_rest_api.errors import ConfigError, CredentialsError, RefusedError
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.test_client import World, get

if TYPE_CHECKING:
    from tests.tap.fake_api import Seen

# A login


class Sessions:
    """Gives a token at /login, and takes the last one anywhere else."""

    def __init__(self, reply: Any = None) -> None:
        self.logins: list[Seen] = []
        self.reply = reply

    def __call__(self, seen: Seen) -> Reply:
        if seen.path == "/v1/login":
            self.logins.append(seen)
            token = f"session-{len(self.logins)}"
            return self.reply or Reply({"data": {"token": token}, "n": 7}, headers={"X-Session": token})
        token = seen.headers.get("authorization", "").removeprefix("Bearer ") or seen.query.get("sid") or ""
        return Reply([1]) if token == f"session-{len(self.logins)}" else Reply({}, 401)


def login(**options: Any) -> Auth:
    request = {"path": "/login", "body": {"user": "ada", "password": "pass word"}}
    return to_auth({"type": "login", "request": request, "token_path": "data.token", **options})


@pytest.mark.parametrize(
    "options",
    [{}, {"token_path": "header:X-Session"}, {"in": "query", "name": "sid"}, {"prefix": "Bearer ", "name": "authorization"}],
    ids=["body", "header", "query", "name"],
)  # fmt: skip
def test_a_login_gives_a_token_that_is_sent_where_it_is_told(options: dict[str, Any]) -> None:
    with FakeApi(sessions := Sessions()) as api:
        world = World(f"{api.url}/v1")
        for _ in range(2):
            assert world.fetch(get(f"{api.url}/v1/items"), auth=login(**options)).page == [1]
    assert [seen.line for seen in sessions.logins] == ["POST /v1/login"]
    assert sessions.logins[0].body == b'{"user": "ada", "password": "pass word"}'
    assert "session-1" in world.concealed


def test_a_login_may_be_any_request() -> None:
    request = {"method": "PUT", "params": {"v": 2}, "headers": {"X-App": 1}, "body_type": "form", "body": {"a": "b c"}}
    with FakeApi(sessions := Sessions()) as api:
        auth = login(request={"path": f"{api.url}/v1/login", **request})
        World(f"{api.url}/v1").fetch(get(f"{api.url}/v1/items"), auth=auth)
    seen = sessions.logins[0]
    assert (seen.line, seen.body) == ("PUT /v1/login?v=2", b"a=b+c")
    assert (seen.headers["x-app"], seen.headers["content-type"]) == ("1", "application/x-www-form-urlencoded")


def test_a_login_is_repeated_after_its_ttl_and_after_a_401() -> None:
    with FakeApi(sessions := Sessions()) as api:
        world = World(f"{api.url}/v1")
        auth = login(ttl="PT10M")
        for seconds, logins in ((0, 1), (538, 1), (3, 2)):
            world.time += seconds
            world.fetch(get(f"{api.url}/v1/items"), auth=auth)
            assert len(sessions.logins) == logins
        sessions.logins.append(sessions.logins[0])  # the server has forgotten the session
        assert world.fetch(get(f"{api.url}/v1/items"), auth=auth).page == [1]


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply({"why": "wrong password"}, 401), CredentialsError, "401 Unauthorized.*wrong password"),
        (Reply({"why": "no such path"}, 404), RefusedError, "404 Not Found"),
        (Reply({"data": {}}), CredentialsError, 'without a token at "data.token"'),
        (Reply({"data": {"token": {"a": 1}}}), CredentialsError, "without a token"),
        (Reply({"data": {"token": "a\r\nb"}}), ConfigError, "cannot stand in a header"),
        (Reply(b"<html>"), RefusedError, "with HTML, not with JSON, after 7 tries"),
        (Reply({}, 503), RefusedError, "503 Service Unavailable, after 7 tries"),
    ],
    ids=["refused", "not there", "no token", "no text", "line break", "html", "down"],
)
def test_a_login_that_fails_says_how(reply: Reply, error: type[Exception], words: str) -> None:
    with FakeApi(Sessions(reply)) as api, pytest.raises(error, match=words):
        World(f"{api.url}/v1").fetch(get(f"{api.url}/v1/items"), auth=login())
    assert not any(seen.path == "/v1/items" for seen in api.seen)


# Digest, by the formula of RFC 7616, 3.4.1


class DigestApi:
    """Checks the response of each request; a nonce is good for so many of them."""

    def __init__(self, algorithm: str = "MD5", uses: int = 99) -> None:
        self.algorithm, self.uses = algorithm, uses
        self.nonces = (f"nonce{number}" for number in count())
        self.nonce, self.counts = "", set()
        self.passed = 0

    def digest(self, text: str) -> str:
        return {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[self.algorithm](text.encode()).hexdigest()

    def __call__(self, seen: Seen) -> Reply:
        header = seen.headers.get("authorization", "")
        fields = dict(part.strip().split("=", 1) for part in header.removeprefix("Digest ").split(", ") if "=" in part)
        fields = {name: value.strip('"') for name, value in fields.items()}
        if self._is_right(fields, seen):
            self.counts.add(fields["nc"])
            self.passed += 1
            return Reply([1])
        self.nonce, self.counts = next(self.nonces), set()
        challenge = (
            f'Basic realm="x", Digest realm="a, b", nonce="{self.nonce}", qop="auth", algorithm={self.algorithm}'
        )
        return Reply({}, 401, {"WWW-Authenticate": challenge})

    def _is_right(self, fields: dict[str, str], seen: Seen) -> bool:
        if fields.get("nonce") != self.nonce or fields["nc"] in self.counts or len(self.counts) >= self.uses:
            return False
        secret, request = self.digest("ada:a, b:pass"), self.digest(f"{seen.method}:{seen.target}")
        inner = ":".join([secret, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], request])
        return fields["uri"] == seen.target and fields["response"] == self.digest(inner)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_answers_the_challenge_once_and_counts_on(algorithm: str) -> None:
    with FakeApi(server := DigestApi(algorithm)) as api:
        world = World(api.url)
        for number in range(3):
            auth = Auth("digest", username="ada", password="pass")
            assert world.fetch(get(f"{api.url}/items?page={number}&q=a%20b"), auth=auth).page == [1]
    assert (len(api.seen), server.passed) == (4, 3)


def test_digest_takes_a_new_challenge_when_the_old_one_is_stale() -> None:
    with FakeApi(server := DigestApi(uses=2)) as api:
        world = World(api.url)
        for _ in range(5):
            world.fetch(get(f"{api.url}/items"), auth=Auth("digest", username="ada", password="pass"))
    assert server.passed == 5


@pytest.mark.parametrize(
    ("header", "error", "words"),
    [
        ('Digest realm="a", nonce="n", qop="auth"', CredentialsError, "401"),
        ("Basic realm=x", CredentialsError, "401"),
        ("", CredentialsError, "401"),
        ("Digest", CredentialsError, "401"),
        ("Digest nonsense", CredentialsError, "401"),
        ('Digest realm="a", nonce="n", algorithm=WHIRLPOOL', RefusedError, "of a kind that is not known"),
        ('Digest realm="a", nonce="n", qop="auth-int"', RefusedError, "of a kind that is not known"),
    ],
)
def test_a_challenge_that_cannot_be_met_ends_the_run(header: str, error: type[Exception], words: str) -> None:
    with (
        FakeApi(lambda _: Reply({}, 401, {"WWW-Authenticate": header})) as api,
        pytest.raises(error, match=words),
    ):
        World(api.url).fetch(get(f"{api.url}/"), auth=Auth("digest", username="ada", password="wrong"))
    assert len(api.seen) <= 2


# AWS Signature Version 4, by its published steps

AWS = {"type": "aws_sigv4", "service": "execute-api", "region": "eu-central-1"}
GIVEN = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


def signature(seen: Seen, secret: str, service: str, region: str) -> str:
    """Compute what the Authorization header has to hold."""
    authorization = seen.headers["authorization"]
    names = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    parts = urlsplit(seen.target)
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    assert "+" not in query
    headers = "".join(f"{name}:{seen.headers[name].strip()}\n" for name in names)
    path = quote(parts.path, safe="/~")
    canonical = [seen.method, path, query, headers, ";".join(names), hashlib.sha256(seen.body).hexdigest()]
    moment = seen.headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), "sha256").hex()


@pytest.mark.parametrize("source", ["given", "environment"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_is_signed_so_that_aws_would_take_it(
    monkeypatch: pytest.MonkeyPatch, source: str, method: str
) -> None:
    from tap_rest_api.transport import Request

    secret = GIVEN["secret_access_key"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", GIVEN["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    options = {**AWS, **GIVEN, "session_token": "session+token"} if source == "given" else AWS
    with FakeApi(lambda seen: Reply([1])) as api:
        world = World(api.url)
        body = b'{"filter": "\xc3\xbc"}' if method == "POST" else None
        request = Request(method, f"{api.url}/stage/it%20ems", (("b", "x y/z"), ("a", "1+1"), ("a", "")), body=body)
        world.fetch(request, auth=to_auth(options))
    seen = api.seen[0]
    assert seen.headers["authorization"].endswith(f"Signature={signature(seen, secret, 'execute-api', 'eu-central-1')}")
    assert "Credential=AKIDEXAMPLE/" in seen.headers["authorization"]
    assert (seen.headers.get("x-amz-security-token") == "session+token") == (source == "given")
    assert secret in world.concealed


def test_without_aws_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with FakeApi(lambda _: Reply([1])) as api, pytest.raises(CredentialsError, match="no AWS credentials"):
        World(api.url).fetch(get(f"{api.url}/"), auth=to_auth(AWS))
    assert api.seen == []


def test_options_of_a_partition_are_filled_in_and_what_they_hold_is_no_template() -> None:
    raw = {"type": "bearer", "token": "${partition.token}"}
    assert to_auth(raw, {"partition": {"token": "a${b"}}).tokens == ("a${b",)


@pytest.mark.parametrize("token", [None, ""])
def test_a_partition_without_a_token_is_a_mistake(token: Any) -> None:
    auth = to_auth({"type": "bearer", "token": "${partition.token}"}, {"partition": {"token": token}})
    with FakeApi(lambda _: Reply([1])) as api, pytest.raises(ConfigError, match="no token here"):
        World(api.url).fetch(get(f"{api.url}/"), auth=auth)
    assert api.seen == []
