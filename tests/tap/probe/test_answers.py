"""tap-rest-api --init against answers of no use: each ends with a message that helps, and no traceback."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import click
import pytest

from tap_rest_api.cli import command
from tap_rest_api.probe import explore
from tap_rest_api.probe.asker import World
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.probe.probing import draft_of, run_init

if TYPE_CHECKING:
    from pathlib import Path

HTML = {"Content-Type": "text/html; charset=utf-8"}
ANSWERS: dict[str, tuple[Reply, int, str]] = {
    "a web page": (Reply(b"<!doctype html><title>Welcome\n</title>", headers=HTML), 4, 'web page, titled "Welcome"'),
    "401 with a scheme": (
        Reply({}, 401, {"WWW-Authenticate": 'Bearer realm="api", Basic realm="x"'}),
        3,
        "it asks for Bearer, Basic",
    ),
    "401 without one": (Reply({}, 401), 3, "it does not say what it asks for"),
    "403": (Reply({}, 403), 3, "403 Forbidden"),
    "404": (Reply({}, 404), 4, "there is nothing at this address"),
    "429": (Reply({}, 429), 4, "try again later"),
    "500": (Reply({}, 500), 4, "try again later"),
    "405": (Reply({"error": "POST only"}, 405), 4, "405 Method Not Allowed"),
    "not JSON": (Reply(b"hello"), 4, "the answer is not JSON: hello"),
    "nothing": (Reply(b""), 4, "the answer is empty"),
    "no content": (Reply(status=204), 4, "the answer is empty"),
    "XML": (Reply(b"<a/>", headers={"Content-Type": "application/xml"}), 2, "the answer is XML"),
    "an array of numbers": (Reply([1, 2]), 2, "an array of something else than objects"),
    "an OpenAPI document": (
        Reply({"openapi": "3.1.0", "paths": {}, "servers": [{"url": "/"}]}),
        2,
        "the answer is an OpenAPI document",
    ),
    "an empty object": (Reply({}), 2, "the answer is an empty object"),
    "an error in 200": (Reply({"error": {"code": 7}, "message": "no"}), 2, "no records but a message"),
    "an index": (
        Reply({"a": "http://x/a", "b": "http://x/b", "c": "http://x/c"}),
        2,
        "an index of other addresses; try one of those: http://x/a",
    ),
    "elsewhere": (Reply(b"", 302, {"Location": "https://elsewhere.example/v1"}), 4, "another origin"),
    "in a ring": (Reply(b"", 302, {"Location": "/v1/items"}), 4, "redirects in a ring"),
    "cut JSON": (Reply(b'{"data": [{"id": 1}'), 4, "cannot be decoded"),
}


@pytest.mark.parametrize(("reply", "code", "message"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_use_is_named(reply: Reply, code: int, message: str, tmp_path: Path) -> None:
    with FakeApi(lambda seen: reply) as api:
        outcome = run_init(tmp_path, f"{api.url}/v1/items")
    assert outcome.error is not None
    assert message in outcome.error.show()
    assert "fix:" in outcome.error.show() or "ring" in message
    assert outcome.exit_code == code
    assert outcome.output == b""


def test_a_401_tells_which_option_to_give(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply({}, 401, {"WWW-Authenticate": "Basic"})) as api:
        outcome = run_init(tmp_path, f"{api.url}/v1/items")
    assert outcome.error is not None
    assert "--auth basic:env.USER:env.PASSWORD" in outcome.error.fix


def test_a_redirect_elsewhere_tells_to_begin_there(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply(b"", 301, {"Location": "https://elsewhere.example/"})) as api:
        outcome = run_init(tmp_path, f"{api.url}/v1/items")
    assert outcome.error is not None
    assert "start again with its address" in outcome.error.fix


def test_an_empty_list_gives_a_configuration_and_says_what_is_missing(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply({"data": []})) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/items")
    assert facts["tap"]["streams"] == [{"name": "items", "path": "/items", "records": "data"}]
    assert [doubt["what"] for doubt in facts["unsure"]] == ["schema", "pagination"]


def test_one_object_is_one_record(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply({"id": 7, "name": "x", "tags": ["a"]})) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/me")
    assert facts["tap"]["streams"] == [{"name": "me", "path": "/me", "records": "[@]", "primary_key": ["id"]}]
    assert facts["unsure"][0]["what"] == "records"


def test_among_several_arrays_the_usual_one_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    body = {"facets": [{"f": 1}, {"f": 2}, {"f": 3}], "results": [{"id": 1}, {"id": 2}]}
    with FakeApi(lambda seen: Reply(body)) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/items")
    assert facts["tap"]["streams"][0]["records"] == "results"
    assert '"facets"' in facts["unsure"][0]["why"]


def test_a_key_that_comes_again_on_the_next_page_is_none(tmp_path: Path) -> None:
    def route(seen: Any) -> Reply:
        page = int(seen.query.get("page", 1))
        rows = [{"id": n, "uuid": f"{page}-{n}"} for n in range(10)] if page < 3 else []
        return Reply({"data": rows, "next": f"/items?page={page + 1}" if page < 3 else None})

    with FakeApi(route) as api:
        facts = draft_of(tmp_path, f"{api.url}/items")
    stream = facts["tap"]["streams"][0]
    assert stream.get("primary_key") != ["id"] or "pagination" not in stream


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = World({}, sleep=lambda _: None)
    with pytest.raises(explore.RefusedError, match="no connection to"):
        explore.explore(f"http://127.0.0.1:{port}/v1/items", None, (), None, world)


def test_a_slow_server_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        world = World({}, limits={"retries": 0, "read_timeout": 0.05, "total_timeout": 1}, sleep=lambda _: None)
        with pytest.raises(explore.RefusedError, match="no answer in time"):
            explore.explore(f"http://127.0.0.1:{silent.getsockname()[1]}/items", None, (), None, world)


def test_a_server_without_tls(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply([])) as api:
        outcome = run_init(tmp_path, api.url.replace("http:", "https:") + "/items")
    assert outcome.error is not None
    assert outcome.exit_code == 4
    assert "TLS with the server failed" in outcome.error.message


def test_a_busy_server_is_asked_once_more(tmp_path: Path) -> None:
    replies = [Reply({}, 429, {"Retry-After": "3"}), Reply({"data": [{"id": 1}, {"id": 2}, {"id": 3}]})]
    waits: list[float] = []
    with FakeApi(lambda seen: replies.pop(0) if len(replies) > 1 else replies[0]) as api:
        draft = explore.explore(f"{api.url}/v1/items", None, (), None, World({}, sleep=waits.append))
    assert waits == [3]
    assert draft.tap["streams"][0]["records"] == "data"


URLS = {
    "no scheme": ("api.example.com/v1", "not an http URL"),
    "another scheme": ("ftp://api.example.com/v1", "not an http URL"),
    "no host": ("https:///v1", "not an http URL"),
    "a space": ("https://api.example.com/a b", "not an http URL"),
    "a port that is none": ("https://api.example.com:x/", "not a URL"),
    "user and password": ("https://ada:pw@api.example.com/v1", "holds a user and password"),
    "a key in clear": ("https://api.example.com/v1?api_key=abc", "looks like a secret"),
}


@pytest.mark.parametrize(("url", "message"), URLS.values(), ids=URLS)
def test_a_url_that_cannot_be_taken_is_explained(url: str, message: str, tmp_path: Path) -> None:
    outcome = run_init(tmp_path, url)
    assert outcome.error is not None
    assert message in outcome.error.show()
    assert outcome.exit_code == 2
    assert "abc" not in outcome.error.show()
    assert "pw@" not in outcome.error.show()


AUTHS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str]]] = {
    "bearer": ({"auth": "bearer:env.S"}, {"type": "bearer", "token": "${env.S}"}, ("authorization", "Bearer s3cret")),
    "braces": (
        {"auth": "bearer:${env.S}"},
        {"type": "bearer", "token": "${env.S}"},
        ("authorization", "Bearer s3cret"),
    ),
    "basic": (
        {"auth": "basic:ada:env.S"},
        {"type": "basic", "username": "ada", "password": "${env.S}"},
        ("authorization", "Basic YWRhOnMzY3JldA=="),
    ),
    "key": (
        {"auth": "header:X-Key:env.S"},
        {"type": "api_key", "in": "header", "name": "X-Key", "token": "${env.S}"},
        ("x-key", "s3cret"),
    ),
    "header": (
        {"headers": ["X-Api-Key: ${env.S}"]},
        {"type": "api_key", "name": "X-Api-Key", "token": "${env.S}"},
        ("x-api-key", "s3cret"),
    ),
    "prefix": (
        {"headers": ["Authorization: Token ${env.S}"]},
        {"type": "api_key", "name": "Authorization", "prefix": "Token ", "token": "${env.S}"},
        ("authorization", "Token s3cret"),
    ),
}


@pytest.mark.parametrize(("options", "auth", "header"), AUTHS.values(), ids=AUTHS)
def test_credentials_are_sent_and_only_their_variable_is_written(
    options: dict[str, Any], auth: dict[str, Any], header: tuple[str, str], tmp_path: Path, capfd: Any
) -> None:
    with FakeApi(lambda seen: Reply([{"id": 1}, {"id": 2}])) as api:
        outcome = run_init(tmp_path, f"{api.url}/items", environment={"S": "s3cret"}, **options)
        assert all(seen.headers[header[0]] == header[1] for seen in api.seen)
    facts = json.loads(outcome.output)
    assert facts["tap"]["auth"] == auth
    assert facts["variables"] == ["S"]
    assert "s3cret" not in outcome.output.decode() + capfd.readouterr().err


def test_a_key_in_the_query_is_an_auth_too(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply([{"id": 1}])) as api:
        facts = draft_of(tmp_path, f"{api.url}/items?api_key=${{env.S}}&kind=a", environment={"S": "s3cret"})
        assert api.seen[0].query == {"kind": "a", "api_key": "s3cret"}
    assert facts["tap"]["auth"] == {"type": "api_key", "in": "query", "name": "api_key", "token": "${env.S}"}
    assert facts["tap"]["streams"][0]["params"] == {"kind": "a"}


WRONG_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a token in clear": ({"auth": "bearer:abc123"}, "given by the name of an environment variable"),
    "a form that is none": ({"auth": "oauth:env.X"}, "not understood"),
    "a header that is none": ({"headers": ["nonsense"]}, "not a header"),
    "a header's secret in clear": ({"headers": ["X-Api-Key: abc123"]}, "looks like a secret"),
    "a cookie in clear": ({"headers": ["Cookie: a=abc123"]}, "looks like a secret"),
    "an unset variable": ({"auth": "bearer:env.NOT_SET"}, "NOT_SET is not set"),
    "twice": ({"auth": "bearer:env.S", "headers": ["X-Api-Key: ${env.S}"]}, "two kinds of credentials"),
    "a name that is none": ({"streams": ["a b"]}, '"a b"'),
}


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_an_option_that_is_wrong_is_refused_before_any_request(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with FakeApi(lambda seen: Reply([])) as api:
        outcome = run_init(tmp_path, f"{api.url}/items", environment={"S": "x"}, **options)
        assert api.seen == []
    assert outcome.error is not None
    assert message in outcome.error.show()
    assert "abc123" not in outcome.error.show()
    assert outcome.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--init", "http://x/", "--discover"), "two things"),
        (("--init", "http://x/", "-c", "config.json"), "--config means nothing"),
        (("--auth", "bearer:env.X", "-c", "config.json"), "--auth means nothing without --init"),
        (("--init", "http://x/", "--stream", "a", "--stream", "b"), "one stream"),
        (("--init", "http://x/", "--limit", "3"), "--limit means nothing"),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else value,
)
def test_options_that_would_be_ignored_are_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        command.main([*arguments], standalone_mode=False, obj=None)
