"""Two servers that nobody here wrote, read exactly, and read again for what is new."""

from __future__ import annotations

import json
import socket
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.realservers.conftest import serving
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.realservers, pytest.mark.timeout(600)]

COUNT = 1234  # not a multiple of any page size
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "name": {"type": ["null", "string"]},
        "price": {"type": "number"},
    },
}


def row(number: int) -> dict[str, Any]:
    """Give one event; ten share each time, so that page edges fall among equal ones."""
    moment = f"2024-01-{1 + number // 600:02}T{number // 10 % 24:02}:{number // 240 % 60:02}:00Z"
    return {"id": number, "at": moment, "name": f'"é", {number}\n' if number % 7 else None, "price": number / 8}


# All rows by time, and those that appear before the second run: at the bookmark's own time and after it.
FIRST = sorted((row(number) for number in range(COUNT)), key=lambda event: (event["at"], event["id"]))
LAST_AT = FIRST[-1]["at"]
LATER = [
    {"id": COUNT, "at": LAST_AT, "name": "tie", "price": 0.5},
    {"id": COUNT + 1, "at": "2024-02-01T00:00:00Z", "name": "new", "price": 1e6},
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read_twice(folder: Path, url: str, stream: dict[str, Any], insert: Any) -> None:
    """Read everything, add rows, and read on: each time exactly what there is."""
    config = {
        "base_url": url,
        "streams": [{"name": "events", "schema": SCHEMA, "primary_key": ["id"], **stream}],
    }
    first = run_tap(folder, config)
    assert first.error is None, first.error.show()
    assert by_id(first.records()) == by_id(FIRST)
    insert()
    second = run_tap(folder, config, state=first.states[-1])
    assert second.error is None, second.error.show()
    assert by_id(second.records()) == by_id(LATER)
    third = run_tap(folder, config, state=second.states[-1])
    assert third.records() == []


def by_id(records: list[Any]) -> list[Any]:
    return sorted(records, key=lambda record: record["id"])


# -- datasette --


@pytest.fixture
def tables(tmp_path: Path, datasette: Path) -> Iterator[tuple[str, Any]]:
    """Serve a database, and give its address and what adds the later rows."""
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("create table events (id integer primary key, at text, name text, price real)")

    def insert(rows: list[dict[str, Any]]) -> None:
        connection.executemany("insert into events values (:id, :at, :name, :price)", rows)
        connection.commit()

    insert(FIRST)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serving([datasette, "serve", "shop.db", "--port", str(port)], f"{url}/shop.json", tmp_path):
        yield url, lambda: insert(LATER)
    connection.close()


TOKENS = {"type": "cursor", "next": "next", "param": "_next"}
OBJECTS = {"path": "/shop/events.json", "records": "rows"}
DATASETTE = {
    "next link": ({"_shape": "objects"}, OBJECTS | {"pagination": {"type": "link", "next": "next_url"}}),
    "token": ({"_shape": "objects"}, OBJECTS | {"pagination": TOKENS}),
    "found by itself": ({"_shape": "objects"}, OBJECTS),
    "ndjson": (
        {"_shape": "array", "_nl": "on"},
        {"path": "/shop/events.json", "format": "jsonl", "pagination": {"type": "link"}},
    ),
}
REPLICATION = {"sorted": {"key": "at", "sorted": "asc"}, "unsorted": {"key": "at"}}


@pytest.mark.parametrize("order", REPLICATION)
@pytest.mark.parametrize("way", DATASETTE)
def test_datasette(tmp_path: Path, tables: tuple[str, Any], way: str, order: str) -> None:
    url, insert = tables
    params, stream = DATASETTE[way]
    asked = {**params, "_size": 100, "_sort": "at", "at__gte": "${sync.start}"}
    read_twice(tmp_path, url, {**stream, "params": asked, "replication": REPLICATION[order]}, insert)


def test_datasettes_csv_is_the_same_as_texts(tmp_path: Path, tables: tuple[str, Any]) -> None:
    url, _ = tables
    stream = {
        "name": "events",
        "path": "/shop/events.csv",
        "format": "csv",
        "params": {"_stream": "on", "_size": "max"},
    }
    outcome = run_tap(tmp_path, {"base_url": url, "streams": [{**stream, "pagination": {"type": "none"}}]})
    assert outcome.error is None, outcome.error.show()
    found = by_id([{**record, "id": int(record["id"])} for record in outcome.records()])
    assert [(record["id"], record["at"]) for record in found] == [(row["id"], row["at"]) for row in by_id(FIRST)]
    assert [record["name"] for record in found] == [row["name"] or "" for row in by_id(FIRST)]
    assert [float(record["price"]) for record in found] == [row["price"] for row in by_id(FIRST)]


# -- json-server --


PAGED = {"link": {"type": "link"}, "auto": {"type": "auto"}, "page": {"type": "page", "param": "_page"}}


@pytest.mark.parametrize("way", PAGED)
@pytest.mark.parametrize("order", REPLICATION)
def test_json_server(tmp_path: Path, json_server: Path, way: str, order: str) -> None:
    (tmp_path / "db.json").write_text(json.dumps({"events": FIRST}))
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def insert() -> None:
        for event in LATER:
            body = json.dumps(event).encode()
            request = Request(f"{url}/events", body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
            urlopen(request, timeout=10).close()  # noqa: S310 - loopback

    stream = {
        "path": "/events",
        "params": {"_page": 1, "_limit": 100, "_sort": "at,id", "_order": "asc,asc", "at_gte": "${sync.start}"},
        "pagination": PAGED[way],
        "replication": REPLICATION[order],
    }
    command = [json_server, "--port", str(port), "--host", "127.0.0.1", "--quiet", "db.json"]
    with serving(command, f"{url}/events?_limit=1", tmp_path):
        read_twice(tmp_path, url, stream, insert)
