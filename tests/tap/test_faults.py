"""Reliability row 10: an HTTP page is whole or absent.

Every fault, on the first, a middle and the last page, of every kind of paging: what comes out is the exact set, or
the run fails and the next one, from the bookmark that was left, completes the set without a record too many.
`SWEEP=1` takes every kind of paging for every fault, else each takes its turn.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.market import committed
from tests.tap.tap import run_tap
from tests.tap.wire_faults import WIRE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.tap.fake_api import Seen

    Fault = Callable[[Seen, Reply], Reply]

SWEEP = "SWEEP" in os.environ
PAGES = 4
SIZE = 3
ROWS = [{"id": n, "at": f"2024-01-01T00:00:{n:02}Z"} for n in range(PAGES * SIZE)]
PAGINGS: dict[str, dict[str, Any]] = {
    "cursor": {"type": "cursor", "param": "at_page", "next": "next"},
    "page": {"type": "page", "size": SIZE, "size_param": "size", "stop": "short"},
    "offset": {"type": "offset", "total": "total"},
    "link": {"type": "link"},
}
LIMITS = {"retries": 1, "max_wait": "PT0S", "read_timeout": 20}
SLOW = {"stall": {"read_timeout": 1}, "drip": {"total_timeout": 1}}


def status(code: int, **headers: str) -> Fault:
    return lambda _, __: Reply(
        {"error": "no"}, code, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def body(content: Any, **headers: str) -> Fault:
    return lambda _, __: Reply(content, headers={name.replace("_", "-"): value for name, value in headers.items()})


def wire(name: str) -> Fault:
    return lambda _, whole: replace(whole, broken=WIRE_FAULTS[name])


# By fault: what it does, and the exit code if it hits once, and if it never ends.
FAULTS: dict[str, tuple[Fault, int, int]] = {
    **{name: (wire(name), 0, 4) for name in WIRE_FAULTS if name != "reset_after"},
    "reset after": (wire("reset_after"), 0, 0),
    "HTML": (body(b"<!DOCTYPE html><h1>Be right back</h1>", Content_Type="text/html"), 0, 4),
    "login page": (lambda _, __: Reply(b"<html>", 302, {"Location": "/login"}), 0, 4),
    "empty": (body(b""), 0, 4),
    "204": (status(204), 0, 4),
    "JSON text": (body(b'"try again later"'), 0, 4),
    "JSON null": (body(b"null"), 0, 4),
    "error in a 200": (body({"error": {"code": 1, "message": "overloaded"}}), 2, 2),
    "no records path": (body({"meta": {}, "next": None, "total": 12}), 2, 2),
    "records of another kind": (body({"data": "none", "next": None, "total": 12}), 2, 2),
    "records that are no objects": (body({"data": [1], "next": None, "total": 12}), 2, 2),
    "truncated JSON": (lambda _, whole: Reply(whole.content()[:-2]), 0, 4),
    "two answers in one": (lambda _, whole: Reply(whole.content() * 2), 0, 4),
    "not UTF-8": (body(b'{"data": [{"id": 1, "at": "\xff"}]}'), 0, 4),
    "unknown encoding": (body(b"\x00\x01", Content_Encoding="br"), 0, 4),
    "broken gzip": (body(b"\x1f\x8bnonsense", Content_Encoding="gzip"), 0, 4),
    "206, as PostgREST pages": (lambda _, whole: replace(whole, status=206), 0, 0),
    "not modified": (status(304), 4, 4),
    "400": (status(400), 4, 4),
    "401": (status(401), 3, 3),
    "403": (status(403), 3, 3),
    "404": (status(404), 4, 4),
    "408": (status(408), 0, 4),
    "410": (status(410), 4, 4),
    "425": (status(425), 0, 4),
    "429": (status(429), 0, 4),
    "429, seconds": (status(429, Retry_After="1"), 0, 4),
    "429, a date": (status(429, Retry_After="Wed, 31 Jan 2024 12:00:00 GMT"), 0, 4),
    "429, a far date": (status(429, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"), 0, 4),
    "429, absurd": (status(429, Retry_After="99999999999999999999"), 0, 4),
    "429, rubbish": (status(429, Retry_After="soon"), 0, 4),
    "429, negative": (status(429, Retry_After="-1"), 0, 4),
    "500": (status(500), 0, 4),
    "502": (status(502), 0, 4),
    "503": (status(503), 0, 4),
    "599": (status(599), 0, 4),
    "999": (status(999), 0, 4),
    "redirect to itself": (lambda seen, _: Reply(status=307, headers={"Location": seen.target}), 0, 4),
    "redirect nowhere": (lambda _, __: Reply(status=302), 4, 4),
    "redirect to another host": (lambda _, __: Reply(status=302, headers={"Location": "http://192.0.2.1/"}), 4, 4),
    "redirect to a file": (lambda _, __: Reply(status=302, headers={"Location": "file:///etc/passwd"}), 4, 4),
}


def page(seen: Seen) -> Reply:
    """Answer as a sound API does, whatever way its pages are asked for."""
    if seen.path == "/login":
        return Reply(b"<html>")
    query = seen.query
    since = query.get("since", "")
    rows = [row for row in ROWS if row["at"] >= since]
    start = int(query.get("offset") or 0) or int(query.get("at_page") or 0) or SIZE * (int(query.get("page") or 1) - 1)
    end = start + SIZE
    following = end if end < len(rows) else None
    link = f'</items?at_page={end}&since={since}>; rel="next"'
    document = {"data": rows[start:end], "next": following, "total": len(rows)}
    return Reply(document, headers={"Link": link} if following else {})


def config(url: str, paging: str, form: str, limits: dict[str, Any] | None = None) -> dict[str, Any]:
    stream: dict[str, Any] = {
        "name": "items",
        "path": "/items",
        "records": "data",
        "primary_key": ["id"],
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "at": {"type": "string"}}},
        "pagination": PAGINGS[paging],
    }
    if form != "full":
        stream["replication"] = {"key": "at", "sorted": "asc" if form == "sorted" else False}
    if form == "sorted":
        stream["params"] = {"since": "${sync.start}"}
    return {"base_url": url, "limits": LIMITS | (limits or {}), "streams": [stream]}


@pytest.mark.parametrize("at", [1, 2, PAGES], ids=["first", "middle", "last"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_page_is_whole_or_absent(tmp_path: Path, name: str, at: int) -> None:
    turn = list(FAULTS).index(name) + at
    for index, paging in enumerate(PAGINGS):
        if SWEEP or index == turn % len(PAGINGS):
            form = ("sorted", "unsorted", "full")[turn % 3]
            check_fault(tmp_path, name, paging, form, at)


def check_fault(tmp_path: Path, name: str, paging: str, form: str, at: int) -> None:
    fault, once, forever = FAULTS[name]
    for exit_code, last in ((once, at), (forever, sys.maxsize)):
        hits = count(1)

        def route(seen: Seen, hits: Iterator[int] = hits, last: int = last) -> Reply:
            return fault(seen, page(seen)) if at <= next(hits) <= last else page(seen)

        with FakeApi(route) as api:
            broken = run_tap(tmp_path, config(api.url, paging, form, SLOW.get(name)))
            assert len(api.seen) <= PAGES * 2 + 20
            assert broken.exit_code == exit_code, (paging, form, broken.error and broken.error.show())
            landed, state = committed(broken.output)
            if exit_code:
                assert broken.error.where, "it says where"
                api.route = page
                mended = run_tap(tmp_path, config(api.url, paging, form), state=state)
                assert mended.exit_code == 0, mended.error.show()
                landed += committed(mended.output)[0]
        assert ids(landed) == Counter(row["id"] for row in ROWS), (paging, form)


def ids(messages: list[dict[str, Any]]) -> Counter[int]:
    """Count the records' ids; of a full table, those of the version that was activated."""
    active = [message["version"] for message in messages if message["type"] == "ACTIVATE_VERSION"]
    records = [message for message in messages if message["type"] == "RECORD"]
    return Counter(m["record"]["id"] for m in records if "version" not in m or m["version"] in active)


@pytest.mark.parametrize("at", [1, 2, PAGES], ids=["first", "middle", "last"])
def test_a_server_that_goes_away_leaves_the_bookmark_where_it_was(tmp_path: Path, at: int) -> None:
    hits = count(1)

    def vanish(seen: Seen) -> Reply:
        if next(hits) < at:
            return page(seen)
        api.stop()
        return Reply(broken=WIRE_FAULTS["reset_before"])

    api = FakeApi(vanish)
    with api:
        broken = run_tap(tmp_path, config(api.url, "cursor", "sorted"))
    landed, state = committed(broken.output)
    assert broken.exit_code == 4
    with FakeApi(page) as again:
        landed += committed(run_tap(tmp_path, config(again.url, "cursor", "sorted"), state=state).output)[0]
    assert ids(landed) == Counter(row["id"] for row in ROWS)
