# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tap_rest_api.detect import detect_pagination
from tap_rest_api.errors import PagingError
from tap_rest_api.loop_guard import LoopGuard
from tap_rest_api.paginate import (
    Evidence,
    Position,
    check_total,
    first_position,
    next_position,
    parse_next_link,
)
from tap_rest_api.traversal import Pagination

URL = "http://api.example/items?page=1"


def page(count: int = 2, *, headers: dict[str, str] | None = None, last: Any = None, **body: Any) -> Evidence:
    return Evidence(URL, headers or {}, count, b"x" * count, body.get, (last or {}).get)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("page", Position(number=1)),
        ("offset", Position(offset=0)),
        ("cursor", Position()),
        ("link", Position()),
        ("auto", Position(number=1, offset=0)),
    ],
)
def test_a_chain_begins_at_its_usual_place(kind: str, expected: Position) -> None:
    assert first_position(Pagination(kind)) == expected


def test_a_chain_begins_where_it_is_told() -> None:
    assert first_position(Pagination("page", start=0)).number == 0
    assert first_position(Pagination("offset", start=1)).offset == 1


NEXT = [
    ("page", Pagination("page"), Position(number=1), page(), Position(1, number=2, received=2)),
    ("page empty", Pagination("page"), Position(number=4), page(0), None),
    ("page short goes on", Pagination("page", size=5), Position(number=1), page(2), Position(1, number=2, received=2)),
    ("page short stops", Pagination("page", size=5, stop="short"), Position(number=1), page(2), None),
    ("page more beats empty", Pagination("page", more="m"), Position(number=1), page(0, m=True), Position(1, number=2)),
    ("page more as text", Pagination("page", more="m"), Position(number=1), page(m="False"), None),
    ("page more as number", Pagination("page", more="m"), Position(number=1), page(m=1), Position(1, number=2, received=2)),
    ("page total reached", Pagination("page", total="t"), Position(number=1), page(2, t=2), None),
    ("offset", Pagination("offset"), Position(offset=0), page(2), Position(1, offset=2, received=2)),
    ("offset empty", Pagination("offset"), Position(offset=2), page(0), None),
    ("cursor", Pagination("cursor", next="n"), Position(), page(n="t"), Position(1, cursor="t", received=2)),
    ("cursor zero", Pagination("cursor", next="n"), Position(), page(n=0), Position(1, cursor=0, received=2)),
    ("cursor null", Pagination("cursor", next="n"), Position(), page(n=None), None),
    ("cursor empty", Pagination("cursor", next="n"), Position(), page(n=""), None),
    ("cursor false", Pagination("cursor", next="n"), Position(), page(n=False), None),
    ("cursor header", Pagination("cursor", next="header:X-Next"), Position(), page(headers={"x-next": "t"}), Position(1, cursor="t", received=2)),
    ("cursor last", Pagination("cursor", next="last:id"), Position(), page(last={"id": 9}), Position(1, cursor=9, received=2)),
    ("cursor last of none", Pagination("cursor", next="last:id"), Position(), page(0, last={"id": 9}), None),
    ("link header", Pagination("link"), Position(), page(headers={"link": "</items?page=2>; rel=next"}), Position(1, url="http://api.example/items?page=2", received=2)),
    ("link body", Pagination("link", next="n"), Position(), page(n="?page=2"), Position(1, url="http://api.example/items?page=2", received=2)),
    ("link none", Pagination("link"), Position(), page(), None),
    ("none", Pagination("none"), Position(), page(), None),
    ("max_pages", Pagination("page", max_pages=2), Position(1, number=2), page(), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pagination", "position", "evidence", "expected"), [n[1:] for n in NEXT], ids=[n[0] for n in NEXT]
)
def test_the_next_page_stands_where_its_kind_says(
    pagination: Pagination, position: Position, evidence: Evidence, expected: Position | None
) -> None:
    following = next_position(pagination, position, evidence)
    assert following == (expected and replace(expected, total=following.total if following else None))


WRONG = [
    ("no flag", Pagination("page", more="m"), Position(number=1), page(), "true or false"),
    ("flag of another kind", Pagination("page", more="m"), Position(number=1), page(m="perhaps"), "true or false"),
    ("flag that is an object", Pagination("page", more="m"), Position(number=1), page(m={}), "true or false"),
    ("no total", Pagination("page", total="t"), Position(number=1), page(), "no number"),
    ("total as text", Pagination("page", total="t"), Position(number=1), page(t="three"), "no number"),
    ("total not reached", Pagination("page", total="t"), Position(number=2, received=2, total=5), page(0, t=5), "ended after 2 of 5"),
    ("total not reached by short", Pagination("page", total="t", size=5, stop="short"), Position(number=1), page(2, t=5), "ended after 2 of 5"),
    ("total fell", Pagination("page", total="t"), Position(number=2, received=2, total=5), page(2, t=4), "fell from 5 to 4"),
    ("more without a token", Pagination("cursor", next="n", more="m"), Position(), page(m=True), "nothing at"),
    ("object for a parameter", Pagination("cursor", next="n", param="c"), Position(), page(n={"a": 1}), "not one value"),
    ("list for a parameter", Pagination("cursor", next="n", param="c"), Position(), page(n=[1]), "not one value"),
    ("link that is an object", Pagination("link", next="n"), Position(), page(n={"href": "/a"}), "not a link"),
    ("token that is a fraction", Pagination("cursor", next="n"), Position(), page(n=1.5), "not a token"),
    ("token that is true", Pagination("cursor", next="n"), Position(), page(n=True), "not a token"),
    ("offset that cannot move", Pagination("offset", more="m"), Position(offset=2), page(0, m=True), "but it is empty"),
    ("total of a cursor chain", Pagination("cursor", next="n", total="t"), Position(), page(2, t=3), "ended after 2 of 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pagination", "position", "evidence", "words"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_a_page_that_contradicts_itself_is_an_error(
    pagination: Pagination, position: Position, evidence: Evidence, words: str
) -> None:
    with pytest.raises(PagingError, match=words):
        next_position(pagination, position, evidence)


def test_an_end_by_rule_is_held_against_the_total_too() -> None:
    check_total(Position(received=3, total=3))
    with pytest.raises(PagingError, match="ended after 2 of 3"):
        check_total(Position(received=2, total=3))


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('<https://a/?p=2>; rel="next"', "https://a/?p=2"),
        ("<https://a/?p=1>; rel=prev, <https://a/?p=3>;rel=next", "https://a/?p=3"),
        ('<https://a/?x=1,2;3>; rel="prev next"; title="x"', "https://a/?x=1,2;3"),
        ('<https://a/2>; REL="Next"', "https://a/2"),
        ('<https://a/2>; rel="nextish"', None),
        ("<https://a/2>; rel=nextish", None),
        ('<https://a/2>; rel="last"', None),
        ("", None),
        ("rubbish", None),
    ],
)
def test_the_link_header_is_read_as_rfc_8288_writes_it(header: str, url: str | None) -> None:
    assert parse_next_link(header) == url


@pytest.mark.parametrize("unit", ["<", "<>;", '<a>;rel="', "<a>; ", "<a>;rel=", ";"])
def test_a_link_header_of_brackets_is_read_at_once(unit: str) -> None:
    """A header of 60,000 opening brackets took a minute: each looked for its closing one to the end."""
    assert parse_next_link(unit * 300_000) is None


def test_a_guard_stops_at_the_first_repeat() -> None:
    guard = LoopGuard()
    guard.check_page(replace(page(), content=b"[1]"))
    guard.check_page(replace(page(), content=b"[2]"))
    guard.check_next(Position(cursor="a"))
    guard.check_next(Position(cursor="b"))
    guard.check_next(Position(number=1))
    guard.check_next(Position(number=1))
    with pytest.raises(PagingError, match="a second time"):
        guard.check_page(replace(page(), content=b"[1]"))
    with pytest.raises(PagingError, match="named before"):
        guard.check_next(Position(cursor="a"))


def test_a_guard_lets_some_empty_pages_pass_but_not_for_ever() -> None:
    guard = LoopGuard()
    for _ in range(20):
        guard.check_page(page(0))
    with pytest.raises(PagingError, match="in a row were empty"):
        guard.check_page(page(0))


DETECTED = [
    ("link header", {}, set(), page(headers={"link": "</x>; rel=next"}), "link", {}),
    ("url in body", {}, set(), page(**{"links.next": "https://api.example/2"}), "link", {"next": "links.next"}),
    ("relative url", {}, set(), page(next="/2"), "link", {"next": "next"}),
    ("token", {}, set(), page(nextPageToken="t"), "cursor", {"next": "nextPageToken", "param": "pageToken"}),
    ("token with template", {}, {"cursor"}, page(next_cursor="t"), "cursor", {"next": "next_cursor", "param": None}),
    ("page number in body", {}, set(), page(next_page=2), "cursor", {"next": "next_page", "param": "page"}),
    ("page param", {"page": 0}, set(), page(), "page", {"param": "page", "start": 0}),
    ("page template", {}, {"number"}, page(), "page", {"param": None, "start": 1}),
    ("offset param", {"skip": 0}, set(), page(), "offset", {"param": "skip", "start": 0}),
    ("nothing", {"q": "page"}, set(), page(), "none", {}),
    ("null token", {}, set(), page(next_cursor=None), "none", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "used", "evidence", "kind", "options"), [d[1:] for d in DETECTED], ids=[d[0] for d in DETECTED]
)
def test_auto_finds_what_the_first_page_shows(
    params: dict[str, Any], used: set[str], evidence: Evidence, kind: str, options: dict[str, Any]
) -> None:
    found = detect_pagination(Pagination(max_pages=3), params, used, evidence)
    assert found.pagination == Pagination(kind, max_pages=3, **options)
    assert not found.looks_cut


CUT = [
    ("a round size", page(100)),
    ("a greater total", page(7, total=12)),
    ("a greater total in meta", page(7, **{"meta.total": 12})),
    ("more pages", page(7, pages=3)),
    ("there is more", page(7, has_more=True)),
]


@pytest.mark.parametrize("evidence", [cut[1] for cut in CUT], ids=[cut[0] for cut in CUT])
def test_auto_warns_of_a_page_that_looks_cut(evidence: Evidence) -> None:
    """Five of twelve shops landed as the whole table, although the body said that there are twelve."""
    assert detect_pagination(Pagination(), {}, set(), evidence).looks_cut


def test_auto_takes_a_whole_table_that_counts_itself_for_whole() -> None:
    whole = page(7, total=7, pages=1, has_more=False, total_count=True, **{"meta.total": "many"})
    assert not detect_pagination(Pagination(), {}, set(), whole).looks_cut
