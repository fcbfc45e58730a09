# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

from typing import Any

import pytest

from tap_rest_api.config import Config
from tap_rest_api.errors import ConfigError
from tap_rest_api.paginate import Position
from tap_rest_api.request import build_request
from tap_rest_api.traversal import Pagination
from tests.tap.test_client import make_stream

CONFIG = Config("https://api.example/v1", "", (), (), frozenset())
SCOPE = {"parent": {"id": 7, "text": "a\r\nb", "kanji": "日", "tags": ["x"]}, "sync": {"start": None, "end": "now"}}


def build(position: Position | None = None, pagination: Pagination | None = None, **options: Any) -> Any:
    stream = make_stream(**options)
    return build_request(CONFIG, stream, pagination or Pagination("none"), position or Position(), SCOPE)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/items", "https://api.example/v1/items"),
        ("items", "https://api.example/v1/items"),
        ("/", "https://api.example/v1"),
        ("", "https://api.example/v1"),
        ("/shops/${parent.id}", "https://api.example/v1/shops/7"),
        ("https://files.example/items", "https://files.example/items"),
    ],
)
def test_a_path_is_below_the_base_url(path: str, url: str) -> None:
    assert build(path=path).url == url


def test_params_are_texts_and_lists_repeat() -> None:
    params = {"on": True, "n": 5, "list": ["a", 2, "${sync.start}"], "none": None, "since": "${sync.start}"}
    assert build(params=params).params == (("on", "true"), ("n", "5"), ("list", "a"), ("list", "2"))


def test_pagination_adds_its_own_parameters() -> None:
    pagination = Pagination("page", param="p", size=50, size_param="n")
    assert build(Position(number=3), pagination, params={"p": 1, "q": "x"}).params == (
        ("p", "3"),
        ("q", "x"),
        ("n", "50"),
    )


def test_a_link_stands_for_itself_but_keeps_headers_and_body() -> None:
    request = build(Position(url="https://api.example/next?c=1"), params={"q": 1}, headers={"X": "y"}, body={"a": 1})
    assert (request.url, request.params, request.headers, request.body) == (
        "https://api.example/next?c=1",
        (),
        {"X": "y", "Content-Type": "application/json"},
        b'{"a":1}',
    )


@pytest.mark.parametrize("value", ["${parent.text}", "x${parent.text}", "${parent.kanji}"])
def test_a_value_that_would_break_a_header_is_an_error_and_no_request(value: str) -> None:
    with pytest.raises(ConfigError, match='the header "X"'):
        build(headers={"X": value})


@pytest.mark.parametrize(
    "options", [{"path": "/${sync.start}"}, {"params": {"a": {"b": 1}}}, {"headers": {"X": "${parent.tags} "}}]
)
def test_a_template_that_cannot_be_filled_in_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        build(**options)


@pytest.mark.parametrize(
    ("options", "body", "content_type"),
    [
        ({"body": {"n": "${parent.id}"}}, b'{"n":7}', "application/json"),
        ({"body": {"n": ["${parent.id}", "ä"]}, "body_type": "form"}, b"n=7&n=%C3%A4", "application/x-www-form-urlencoded"),
        ({"body": "<q>${parent.kanji}</q>", "body_type": "text"}, "<q>日</q>".encode(), "text/plain; charset=utf-8"),
        ({"body": "${parent.id}", "body_type": "text"}, b"7", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_body_is_written_as_its_type_asks_for(options: dict[str, Any], body: bytes, content_type: str) -> None:
    request = build(method="POST", **options)
    assert (request.body, request.headers["Content-Type"]) == (body, content_type)


def test_the_streams_own_headers_win() -> None:
    own = {"content-type": "text/xml", "accept": "text/csv;q=0.5"}
    assert build(headers=own, body="<q/>", body_type="text", format="csv").headers == own


def test_an_answer_is_asked_for_in_its_format() -> None:
    assert build(format="csv").headers["Accept"].startswith("text/csv")
    assert build(format="xml").headers["Accept"].startswith("application/xml")
    assert "Accept" not in build().headers
