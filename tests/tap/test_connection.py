"""How the API is reached: private authorities, proxies, addresses that tricks are played with."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import select
import socket
import ssl
import warnings
from base64 import b64encode
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tap_rest_api.auth_options import to_auth
from tap_rest_api.errors import RefusedError
from tap_rest_api.log import log_error
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap
from tests.tap.test_client import World, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DAY = dt.timedelta(days=1)


def certificate(name: str, issuer: tuple[Any, Any] | None, *, is_authority: bool) -> tuple[Any, Any]:
    """Make a key and its certificate, signed by an issuer or by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        built = built.add_extension(usage, critical=True)
    else:
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(f"{name}.example.com")]
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, built.sign(issuer_key, hashes.SHA256())


def pem(thing: Any) -> bytes:
    if hasattr(thing, "public_bytes"):
        return thing.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    return thing.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@contextmanager
def private_tls(tmp_path: Path) -> Iterator[tuple[FakeApi, str, str]]:
    """An API with TLS whose certificate a private authority has signed; its URL, and the authority's bundle."""
    authority = certificate("a private authority", None, is_authority=True)
    key, own = certificate("api", authority, is_authority=False)
    (bundle := tmp_path / "authority.pem").write_bytes(pem(authority[1]))
    (chain := tmp_path / "api.pem").write_bytes(pem(key) + pem(own))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with FakeApi(lambda _: Reply([1])) as api:
        api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
        yield api, api.url.replace("http://", "https://"), str(bundle)


@pytest.fixture
def tls_api(tmp_path: Path) -> Iterator[tuple[FakeApi, str, str]]:
    with private_tls(tmp_path) as parts:
        yield parts


def test_a_private_authority_is_trusted_if_its_bundle_is_named(tls_api: tuple[FakeApi, str, str]) -> None:
    _, url, bundle = tls_api
    assert World(url, verify=bundle).fetch(get(f"{url}/")).page == [1]


def test_a_private_authority_is_not_trusted_by_itself(tls_api: tuple[FakeApi, str, str]) -> None:
    api, url, _ = tls_api
    world = World(url)
    with pytest.raises(RefusedError, match="TLS with the server failed") as caught:
        world.fetch(get(f"{url}/"))
    assert '"verify"' in caught.value.fix
    assert (api.seen, world.slept) == ([], [])


def test_another_authority_than_the_bundles_is_not_trusted(tls_api: tuple[FakeApi, str, str], tmp_path: Path) -> None:
    _, url, _ = tls_api
    (other := tmp_path / "other.pem").write_bytes(pem(certificate("another", None, is_authority=True)[1]))
    with pytest.raises(RefusedError, match="TLS with the server failed"):
        World(url, verify=str(other)).fetch(get(f"{url}/"))


def test_the_environments_bundle_is_ignored(tls_api: tuple[FakeApi, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, url, bundle = tls_api
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    monkeypatch.setenv("CURL_CA_BUNDLE", bundle)
    with pytest.raises(RefusedError, match="TLS with the server failed"):
        World(url).fetch(get(f"{url}/"))


def test_verify_false_trusts_anyone_and_every_run_warns_of_it(
    tls_api: tuple[FakeApi, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    _, url, _ = tls_api
    for _ in range(2):
        caplog.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert World(url, verify=False).fetch(get(f"{url}/")).page == [1]
        assert caplog.text.count("is not verified") == 1


def test_a_bundle_stands_beside_a_sectioned_file(tls_api: tuple[FakeApi, str, str], tmp_path: Path) -> None:
    _, url, _ = tls_api
    stream = {"name": "a", "path": "/", "schema": {"type": "object", "properties": {}}, "pagination": {"type": "none"}}
    config = {"tap": {"base_url": url, "verify": "authority.pem", "streams": [{**stream, "records": "@ && `[]`"}]}}
    outcome = run_tap(tmp_path, config)
    assert outcome.exit_code == 0, outcome.error and outcome.error.show()


# Proxies


@contextmanager
def proxy(
    *, refuses: bool = False, known: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """An HTTP proxy: its address, and what it was asked, with the credentials.

    Args:
        refuses: It wants other credentials for a tunnel.
        known: Where a host and port are to be found that have no other address here.
    """
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((f"GET {self.path}", self.headers.get("Proxy-Authorization")))
            host, _, path = self.path.removeprefix("http://").partition("/")
            with closing(http.client.HTTPConnection(host)) as connection:
                connection.request("GET", f"/{path}", headers={"X-Via": "proxy"})
                answer = connection.getresponse()
                body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            seen.append((f"CONNECT {self.path}", self.headers.get("Proxy-Authorization")))
            if refuses:
                self.send_error(407)
                return
            host, port = (known or {}).get(self.path, self.path).split(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                ends = {self.connection: there, there: self.connection}
                while True:
                    for end in select.select(list(ends), [], [], 5)[0]:
                        chunk = end.recv(65536)
                        if not chunk:
                            return
                        ends[end].sendall(chunk)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def test_a_proxy_is_asked_in_the_apis_place_with_its_own_credentials() -> None:
    with FakeApi(lambda _: Reply([1])) as api, proxy() as (address, seen):
        world = World(api.url, proxy=f"http://ada:p%40ss@{address}")
        assert world.fetch(get(f"{api.url}/items?a=1")).page == [1]
    assert seen == [(f"GET {api.url}/items?a=1", f"Basic {b64encode(b'ada:p@ss').decode()}")]
    assert api.seen[0].headers["x-via"] == "proxy"
    assert "proxy-authorization" not in api.seen[0].headers


def test_through_a_proxy_tls_is_with_the_api_itself(tls_api: tuple[FakeApi, str, str]) -> None:
    api, url, bundle = tls_api
    with proxy() as (address, seen):
        world = World(url, proxy=f"http://ada:secret@{address}", verify=bundle)
        key = to_auth({"type": "bearer", "token": "t"})
        assert world.fetch(get(f"{url}/items"), auth=key).page == [1]
    assert seen == [(f"CONNECT {url.removeprefix('https://')}", f"Basic {b64encode(b'ada:secret').decode()}")]
    assert api.seen[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_proxy_that_fails_is_named_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    stream = {"name": "a", "path": "/", "pagination": {"type": "none"}}
    config = {"base_url": "http://api.example", "proxy": "http://ada-l:hunter%32@127.0.0.1:1", "streams": [stream]}
    outcome = run_tap(tmp_path, config, log_level="debug", log_format=log_format)
    assert outcome.error is not None
    log_error(outcome.error)
    assert (outcome.exit_code, outcome.error.message.partition(":")[0]) == (4, "no connection through the proxy")
    shown = capsys.readouterr().err
    assert not any(word in shown for word in ("hunter", "ada-l", b64encode(b"ada-l:hunter2").decode()))


def test_a_proxy_that_wants_credentials_is_exit_code_4(tls_api: tuple[FakeApi, str, str]) -> None:
    _, url, bundle = tls_api
    with proxy(refuses=True) as (address, _), pytest.raises(RefusedError, match=r"proxy.*407"):
        World(url, proxy=f"http://{address}", verify=bundle).fetch(get(f"{url}/"))


# Addresses


@pytest.mark.parametrize(
    "target",
    [
        "http://user@{host}/",
        "http://2130706433:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://0x7f.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:{port}/",
        "//localhost:{port}/",
        "https://{host}/",
        "http://{host}\\@evil.test/",
        "http://127.0.0.1\t.evil.test:{port}/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_a_redirect_by_another_name_is_refused_before_any_request(target: str) -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        host = api.url.removeprefix("http://")
        location = target.format(host=host, port=host.partition(":")[2])
        api.route = lambda seen: Reply(status=302, headers={"Location": location}) if seen.path == "/a" else Reply([1])
        with pytest.raises(RefusedError):
            World(api.url).fetch(get(f"{api.url}/a"), auth=to_auth({"type": "bearer", "token": "t"}))
    assert api.lines == ["GET /a"]
