"""Many requests in flight: the same bytes as one at a time, in order, whatever the server's mood."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.ahead import Workers
from tap_rest_api.catalog import Selection
from tap_rest_api.client import Client
from tap_rest_api.config import load_config
from tap_rest_api.errors import TapError
from tap_rest_api.state import State
from tap_rest_api.sync import sync
from tap_rest_api.unit import Source
from tests.tap.fake_api import FakeApi, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.fake_api import Seen

NOW = datetime(2024, 1, 31, tzinfo=UTC)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"id": {}, "at": {}}}
ITEMS: dict[str, Any] = {
    "name": "items",
    "path": "/items",
    "records": "data",
    "primary_key": ["id"],
    "schema": SCHEMA,
    "limits": {"retries": 0},
}
PAGED = {"type": "page", "size": 3, "size_param": "n", "total": "total"}
SHOPS = ITEMS | {"name": "shops", "path": "/shops", "pagination": PAGED}
STREAMS: dict[str, list[dict[str, Any]]] = {
    "pages": [ITEMS | {"pagination": PAGED}],
    "offsets": [ITEMS | {"pagination": PAGED | {"type": "offset"}}],
    "partitions": [ITEMS | {"params": {"k": "${partition.k}"}, "partitions": {"k": list(range(9))}}],
    "parents": [ITEMS | {"path": "/shops/${parent.id}/items", "parent": "shops"}, SHOPS],
    "parents with bookmarks": [
        ITEMS | {"path": "/shops/${parent.id}/items", "parent": "shops", "replication": {"key": "at"}},
        SHOPS,
    ],
    "a chain": [ITEMS | {"pagination": {"type": "cursor", "next": "next", "param": "c"}}],
}


class Api:
    """A server whose answers take their own time, counting how many requests it has at once."""

    def __init__(self, seed: int, fails_at: int | None = None) -> None:
        self.chance, self.fails_at = random.Random(seed), fails_at
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __call__(self, seen: Seen) -> Reply:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            delay = self.chance.choice((0, 0, 0.002, 0.01))
        threading.Event().wait(delay)
        try:
            return self.answer(seen)
        finally:
            with self.lock:
                self.now -= 1

    def answer(self, seen: Seen) -> Reply:
        query, total = seen.query, 23
        if seen.path.startswith("/shops/") or "k" in query:
            number = int(query.get("k", seen.path.split("/")[2] if "k" not in query else 0))
            if number == self.fails_at:
                return Reply({"error": "gone"}, 410)
            return Reply({"data": [{"id": number * 10 + at, "at": at} for at in range(number % 4)]})
        if "c" in query or "n" not in query:
            at = int(query.get("c", 0))
            return Reply({"data": [{"id": at}], "next": at + 1 if at < 8 else None})
        skip = int(query["offset"]) if "offset" in query else (int(query["page"]) - 1) * 3
        if self.fails_at is not None and seen.path == "/items" and skip >= self.fails_at * 3:
            return Reply({"error": "gone"}, 410)
        return Reply({"data": [{"id": at} for at in range(skip, min(skip + 3, total))], "total": total})


def output(folder: Path, route: Callable[[Seen], Reply], streams: list[dict[str, Any]], width: int) -> bytes:
    """Return what a run writes, its end included."""
    with FakeApi(route) as api:
        path = folder / "config.json"
        limits = {"concurrency": width}
        streams = [stream | {"limits": stream["limits"] | limits} for stream in streams]
        path.write_text(json.dumps({"base_url": api.url, "limits": limits, "streams": streams}))
        config = load_config(str(path), {})
        source = Source(config, Client(config, now=lambda: NOW), Workers(width), "2024-01-31T00:00:00Z")
        chunks = []
        try:
            for chunk in sync(source, [Selection(config.streams[0], SCHEMA, frozenset())], State(), lambda: NOW):
                chunks.append(chunk)  # noqa: PERF402 - what came before an error must stay
        except TapError as error:
            chunks.append(error.message.encode())
    return b"".join(chunks)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fails_at", [None, 5], ids=["whole", "failing"])
@pytest.mark.parametrize("kind", STREAMS)
def test_the_bytes_are_the_same_at_concurrency_1_and_16(
    tmp_path: Path, kind: str, fails_at: int | None, seed: int
) -> None:
    one, many = Api(seed, fails_at), Api(seed, fails_at)
    plain = output(tmp_path, one, STREAMS[kind], 1)
    assert output(tmp_path, many, STREAMS[kind], 16) == plain
    assert plain.count(b'"RECORD"') >= 6
    assert one.most == 1
    assert many.most <= 16


@pytest.mark.parametrize("kind", ["pages", "offsets", "partitions", "parents", "parents with bookmarks"])
def test_what_is_independent_is_asked_for_at_once(tmp_path: Path, kind: str) -> None:
    """The server holds its answers back until it has three requests at a time."""
    api, gate, waiting = Api(0), threading.Event(), []

    def route(seen: Seen) -> Reply:
        if (
            seen.path != "/shops"
            and seen.query.get("page") not in ("1", "2")
            and seen.query.get("offset") not in ("0", "3")
        ):
            waiting.append(seen)
            if len(waiting) == 3:
                gate.set()
            assert gate.wait(timeout=30)
        return api(seen)

    assert output(tmp_path, route, STREAMS[kind], 3).endswith(b"}\n")
    assert gate.is_set()


def test_no_more_pages_are_under_way_than_are_promised(tmp_path: Path) -> None:
    api = Api(0)
    seen_pages: list[str] = []

    def route(seen: Seen) -> Reply:
        seen_pages.append(seen.query["page"])
        return api(seen)

    output(tmp_path, route, STREAMS["pages"], 16)
    assert sorted(seen_pages, key=int) == [str(number) for number in range(1, 9)]


def test_an_api_that_heeds_no_page_number_is_asked_no_third_time(tmp_path: Path) -> None:
    asked = []

    def route(seen: Seen) -> Reply:
        asked.append(seen.query["page"])
        return Reply({"data": [{"id": 1}, {"id": 2}, {"id": 3}], "total": 300})

    assert b"a second time" in output(tmp_path, route, STREAMS["pages"], 16)
    assert asked == ["1", "2"]


def test_pages_that_are_shorter_than_the_first_change_no_offset(tmp_path: Path) -> None:
    """The offsets asked for ahead prove wrong; they are forgotten, not used."""

    def route(seen: Seen) -> Reply:
        skip = int(seen.query["offset"])
        size = 3 if skip < 9 else 2
        return Reply({"data": [{"id": at} for at in range(skip, min(skip + size, 23))], "total": 23})

    many = output(tmp_path, route, STREAMS["offsets"], 16)
    assert many == output(tmp_path, route, STREAMS["offsets"], 1)
    assert many.count(b'"RECORD"') == 23


def test_no_more_than_its_width_is_held(tmp_path: Path) -> None:
    """A first part that does not end keeps the others from being read ahead without bound."""
    asked: list[str] = []
    release = threading.Event()

    def route(seen: Seen) -> Reply:
        asked.append(seen.query["k"])
        if seen.query["k"] == "0":
            release.wait(timeout=30)
        elif len(asked) == 4:
            release.set()
        return Reply({"data": [{"id": int(seen.query["k"])}]})

    streams = [STREAMS["partitions"][0] | {"partitions": {"k": list(range(12))}, "pagination": {"type": "none"}}]
    path = tmp_path / "config.json"
    with FakeApi(route) as api:
        path.write_text(json.dumps({"base_url": api.url, "limits": {"concurrency": 4}, "streams": streams}))
        config = load_config(str(path), {})
        source = Source(config, Client(config), Workers(4), "2024-01-31T00:00:00Z")
        messages = sync(source, [Selection(config.streams[0], SCHEMA, frozenset())], State(), lambda: NOW)
        while b'"RECORD"' not in next(messages):
            pass
        assert len(asked) <= 5  # those four, and the one that took the first one's place


@pytest.mark.parametrize("order", [[1, 2, 1], [2, 1, 1, 1]])
def test_a_parent_that_comes_twice_is_read_on_from_its_own_bookmark(tmp_path: Path, order: list[int]) -> None:
    def route(seen: Seen) -> Reply:
        if seen.path == "/shops":
            return Reply({"data": [{"id": number} for number in order]})
        return Reply({"data": [{"id": 7, "at": 5}]})

    streams = [STREAMS["parents with bookmarks"][0], SHOPS | {"pagination": {"type": "none"}}]
    many = output(tmp_path, route, streams, 16)
    assert many == output(tmp_path, route, streams, 1)
    assert many.count(b'"RECORD"') == 2


def test_a_page_of_many_records_goes_out_in_several_chunks_of_whole_lines(tmp_path: Path) -> None:
    """The lines of a page of a million records would take as much memory again as the page."""
    body = {"data": [{"id": at} for at in range(25_000)]}
    with FakeApi(lambda _: Reply(body)) as api:
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"base_url": api.url, "streams": [ITEMS | {"pagination": {"type": "none"}}]}))
        config = load_config(str(path), {})
        source = Source(config, Client(config, now=lambda: NOW), Workers(), "2024-01-31T00:00:00Z")
        chunks = list(sync(source, [Selection(config.streams[0], SCHEMA, frozenset())], State(), lambda: NOW))
    full = [chunk for chunk in chunks if b'"RECORD"' in chunk]
    assert len(full) == 3
    lines = [json.loads(line) for chunk in full for line in chunk.splitlines()]
    assert [line["record"] for line in lines] == body["data"]
