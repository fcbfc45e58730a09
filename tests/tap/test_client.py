# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.auth_options import Auth, to_auth
from tap_rest_api.client import Client
from tap_rest_api.config import Config, ErrorRule, Limits, Stream
from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.transport import Request
from tap_rest_api.traversal import Pagination
from tests.tap.fake_api import FakeApi, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_rest_api.transport import Response

KEY = to_auth({"type": "api_key", "token": "t0ps3cret"})


def make_stream(**options: Any) -> Stream:
    values: dict[str, Any] = {
        "name": "items", "path": "/", "where": "", "method": "GET", "params": {}, "headers": {}, "body": None,
        "records": None, "primary_key": (), "schema": None, "sample": 1, "replication": None, "parent": None,
        "pagination": Pagination(), "limits": Limits(), "errors": (), "auth": Auth(), "selected": True,
    }  # fmt: skip
    return Stream(**{**values, **options})


class World:
    """A client whose clock and sleep are ours."""

    def __init__(self, url: str, allowed_hosts: tuple[str, ...] = (), *, tick: float = 0.0, **options: Any) -> None:
        """Make a client; `tick` is what each look at the clock costs."""
        self.slept: list[float] = []
        self.concealed: set[str] = set()
        self.time, self.tick = 1000.0, tick
        self.lock = threading.Lock()
        config = Config(url, "test-agent", allowed_hosts, (), frozenset(), **options)
        self.client = Client(config, self.sleep, self.clock, self.now, lambda: 1.0, self.concealed.update)

    def clock(self) -> float:
        with self.lock:
            self.time += self.tick
            return self.time

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept.append(seconds)
            self.time += seconds

    def now(self) -> datetime:
        return datetime(2024, 1, 31, tzinfo=UTC) + timedelta(seconds=self.time - 1000)

    def fetch(self, request: Request, **options: Any) -> Any:
        return self.client.fetch(request, make_stream(**options), parse)


def parse(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError:
        raise BodyError("not JSON") from None


def get(url: str, **options: Any) -> Request:
    return Request("GET", url, **options)


def replies(*answers: Reply) -> Any:
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_a_request_carries_what_it_should_and_nothing_else() -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        request = Request("POST", f"{api.url}/x?a=1", (("b", "2 3"),), {"X-Own": "y"}, b'{"n":1}')
        assert World(api.url).fetch(request, auth=KEY).page == [1]
    seen = api.seen[0]
    assert seen.line == "POST /x?a=1&b=2+3"
    assert seen.body == b'{"n":1}'
    expected = {"x-api-key": "t0ps3cret", "x-own": "y", "user-agent": "test-agent", "content-type": "application/json"}
    assert expected.items() <= seen.headers.items()
    assert seen.headers["accept-encoding"] == "gzip, deflate"
    assert set(seen.headers) - set(expected) == {"host", "accept", "accept-encoding", "content-length"}


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Auth("none"), "authorization", None),
        (to_auth({"type": "bearer", "token": "t"}), "authorization", "Bearer t"),
        (Auth("basic", username="ü", password="p:w"), "authorization", "Basic w7w6cDp3"),
        (to_auth({"type": "api_key", "token": "t"}), "x-api-key", "t"),
        (
            to_auth({"type": "api_key", "token": "t", "name": "Authorization", "prefix": "Token "}),
            "authorization",
            "Token t",
        ),
        (to_auth({"type": "api_key", "token": "t", "name": "sid", "in": "cookie"}), "cookie", "sid=t"),
    ],
    ids=["none", "bearer", "basic", "header", "prefix", "cookie"],
)
def test_credentials_stand_where_they_are_told(auth: Auth, header: str, value: str | None) -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        World(api.url).fetch(get(f"{api.url}/"), auth=auth)
    assert api.seen[0].headers.get(header) == value


@pytest.mark.parametrize("url", ["/", "/?page=2", "/?key=old&page=2"])
def test_a_key_in_the_query_stands_there_once(url: str) -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        World(api.url).fetch(
            get(f"{api.url}{url}"), auth=to_auth({"type": "api_key", "token": "t&1", "name": "key", "in": "query"})
        )
    assert api.seen[0].target.count("key=") == 1
    assert api.seen[0].query["key"] == "t&1"


def test_netrc_and_proxies_of_the_environment_are_ignored(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with FakeApi(lambda _: Reply([1])) as api:
        World(api.url).fetch(get(f"{api.url}/"), auth=to_auth({"type": "bearer", "token": "right"}))
        World(api.url).fetch(get(f"{api.url}/"))
    assert [seen.headers.get("authorization") for seen in api.seen] == ["Bearer right", None]


def test_cookies_of_the_server_are_not_sent_back() -> None:
    with FakeApi(lambda _: Reply([1], headers={"Set-Cookie": "session=abc; Path=/"})) as api:
        world = World(api.url)
        world.fetch(get(f"{api.url}/"))
        world.fetch(get(f"{api.url}/"))
    assert "cookie" not in api.seen[1].headers


def test_a_redirect_within_the_api_is_followed_with_credentials() -> None:
    with FakeApi(replies(Reply(status=302, headers={"Location": "/moved?x=1"}), Reply([1]))) as api:
        assert World(api.url).fetch(get(f"{api.url}/a", params=(("p", "1"),)), auth=KEY).page == [1]
    assert api.lines == ["GET /a?p=1", "GET /moved?x=1"]
    assert api.seen[1].headers["x-api-key"] == "t0ps3cret"


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirected_post_keeps_its_method_where_the_rfc_says_so(status: int, method: str) -> None:
    with FakeApi(replies(Reply(status=status, headers={"Location": "/b"}), Reply([1]))) as api:
        World(api.url).fetch(Request("POST", f"{api.url}/a", body={"q": 1}))
    assert (api.seen[1].method, bool(api.seen[1].body)) == (method, method == "POST")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_refused_before_it_is_asked(status: int) -> None:
    with FakeApi(lambda _: Reply([1])) as other:
        moved = Reply(status=status, headers={"Location": f"{other.url}/steal"})
        with FakeApi(lambda _: moved) as api, pytest.raises(RefusedError, match="another origin"):
            World(api.url).fetch(get(f"{api.url}/"), auth=KEY)
    assert not other.seen


def test_an_allowed_host_gets_the_request_without_credentials_or_own_headers() -> None:
    with FakeApi(lambda _: Reply([1])) as other:
        moved = Reply(status=302, headers={"Location": f"{other.url}/file"})
        with FakeApi(lambda _: moved) as api:
            world = World(api.url, (other.url.removeprefix("http://"),))
            world.fetch(get(f"{api.url}/", headers={"X-Secret": "s"}), auth=KEY)
    assert set(other.seen[0].headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_ring_of_redirects_is_an_error() -> None:
    with (
        FakeApi(lambda _: Reply(status=302, headers={"Location": "/"})) as api,
        pytest.raises(RefusedError, match="in a ring"),
    ):
        World(api.url).fetch(get(f"{api.url}/"))
    assert len(api.seen) == 11


def test_the_body_of_a_redirect_is_not_read() -> None:
    bomb = Reply(gzip.compress(bytes(10**7)), 302, {"Location": "/b", "Content-Encoding": "gzip"}, length=10**9)
    with FakeApi(replies(bomb, Reply([1]))) as api:
        assert World(api.url).fetch(get(f"{api.url}/")).page == [1]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    with FakeApi(replies(Reply({"e": 1}, status, {"Retry-After": "3"}), Reply([1]))) as api:
        world = World(api.url)
        assert world.fetch(get(f"{api.url}/")).page == [1]
    assert world.slept == [3]
    assert (world.client.traffic["items"].requests, world.client.traffic["items"].retries) == (2, 1)
    assert world.client.traffic["items"].waited_seconds == 3


@pytest.mark.parametrize(
    ("status", "error", "exit_code"),
    [(401, CredentialsError, 3), (403, CredentialsError, 3), (400, RefusedError, 4), (404, RefusedError, 4), (304, RefusedError, 4)],
)  # fmt: skip
def test_a_final_no_is_not_tried_again(status: int, error: type[Exception], exit_code: int) -> None:
    with FakeApi(lambda _: Reply({"why": "because"} if status != 304 else b"", status)) as api:
        with pytest.raises(error) as caught:
            World(api.url).fetch(get(f"{api.url}/x", params=(("a", "b"),)))
        assert len(api.seen) == 1
    assert caught.value.exit_code == exit_code
    assert f"the API answered {status}" in caught.value.message
    assert caught.value.where == f'stream "items": GET {api.url}/x?a=b'


def test_an_error_shows_the_first_200_characters_of_the_body() -> None:
    with FakeApi(lambda _: Reply(b"x" * 1000, 404)) as api, pytest.raises(RefusedError) as caught:
        World(api.url).fetch(get(f"{api.url}/"))
    assert caught.value.message.count("x") == 200


def test_a_failure_that_outlasts_its_retries_says_how_often_it_was_tried() -> None:
    with (
        FakeApi(lambda _: Reply({}, 503)) as api,
        pytest.raises(RefusedError, match="503 Service Unavailable, after 4 tries"),
    ):
        World(api.url).fetch(get(f"{api.url}/"), limits=Limits(retries=3))


def test_a_page_that_cannot_be_parsed_is_tried_again() -> None:
    with FakeApi(replies(Reply(b"<html>"), Reply([1]))) as api:
        assert World(api.url).fetch(get(f"{api.url}/")).page == [1]


def test_gzip_is_decoded_and_a_cut_one_tried_again() -> None:
    whole = gzip.compress(b"[1, 2, 3]")
    headers = {"Content-Encoding": "gzip"}
    with FakeApi(replies(Reply(whole[:-6], headers=headers), Reply(whole, headers=headers))) as api:
        assert World(api.url).fetch(get(f"{api.url}/")).page == [1, 2, 3]
    assert len(api.seen) == 2


def test_a_body_shorter_than_its_length_is_tried_again() -> None:
    with FakeApi(replies(Reply(b"[1]", length=100), Reply([1]))) as api:
        assert World(api.url).fetch(get(f"{api.url}/")).page == [1]
    assert len(api.seen) == 2


def test_nobody_listening_is_exit_code_4_and_takes_few_tries() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    world = World(url)
    with pytest.raises(RefusedError, match="no connection to http") as caught:
        world.fetch(get(f"{url}/"))
    assert len(world.slept) == 2
    assert "base_url" in caught.value.fix


def test_a_host_without_an_address_is_exit_code_4() -> None:
    with pytest.raises(RefusedError, match="no connection to"):
        World("http://no-such-host.invalid").fetch(get("http://no-such-host.invalid/"))


def test_a_server_without_tls_is_exit_code_4_at_once() -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        world = World(api.url.replace("http://", "https://"))
        with pytest.raises(RefusedError, match="TLS with the server failed"):
            world.fetch(get(api.url.replace("http://", "https://")))
    assert not world.slept


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """A server that sends bytes and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n[1]"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[1]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n[1, 2",
    ],
    ids=["nothing", "status line", "headers", "rubbish", "chunk", "no last chunk", "chunk size", "closed early"],
)
def test_a_connection_that_breaks_is_tried_again(broken: bytes) -> None:
    with raw_server(broken, OK) as url:
        assert World(url).fetch(get(f"{url}/")).page == [1]


def test_a_body_that_takes_longer_than_total_timeout_is_given_up() -> None:
    with FakeApi(lambda _: Reply(b"[1]" + b" " * 10**6)) as api, pytest.raises(RefusedError, match="total_timeout"):
        World(api.url, tick=1).fetch(get(f"{api.url}/"), limits=Limits(retries=1, total_timeout_seconds=0.5))


@pytest.mark.parametrize(
    ("rule", "status", "action"),
    [
        (ErrorRule("end", (404,)), 404, "end"),
        (ErrorRule("skip", ("4xx",)), 403, "skip"),
        (ErrorRule("skip", (), "error.code == 'GONE'"), 200, "skip"),
        (ErrorRule("end", (204,)), 204, "end"),
    ],
    ids=["end", "skip", "body", "no content"],
)
def test_a_rule_comes_before_the_built_in_answer(rule: ErrorRule, status: int, action: str) -> None:
    with FakeApi(lambda _: Reply({"error": {"code": "GONE"}}, status)) as api:
        assert World(api.url).fetch(get(f"{api.url}/"), errors=(rule,)).action == action


def test_the_first_rule_that_matches_wins() -> None:
    rules = (ErrorRule("fail", (404,), "gone"), ErrorRule("end", (404,)), ErrorRule("skip", (404,)))
    with FakeApi(lambda _: Reply({"gone": False}, 404)) as api:
        assert World(api.url).fetch(get(f"{api.url}/"), errors=rules).action == "end"


def test_a_rule_makes_a_final_status_pass() -> None:
    with FakeApi(replies(Reply({}, 404), Reply([1]))) as api:
        assert World(api.url).fetch(get(f"{api.url}/"), errors=(ErrorRule("retry", (404,)),)).page == [1]


def test_a_header_the_library_refuses_is_an_error_not_a_traceback() -> None:
    with FakeApi(lambda _: Reply([1])) as api, pytest.raises(RefusedError, match="cannot be sent"):
        World(api.url).fetch(get(f"{api.url}/", headers={"X": "a\r\nb"}))
    assert not api.seen
