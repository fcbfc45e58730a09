"""The walk through pages, and the messages that come of it, where a data file cannot show them."""

from __future__ import annotations

import json
import random
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.ahead import Workers
from tap_rest_api.catalog import Selection
from tap_rest_api.client import Client
from tap_rest_api.config import load_config
from tap_rest_api.state import State
from tap_rest_api.sync import sync
from tap_rest_api.unit import Source
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.fake_api import Seen

NOW = datetime(2024, 1, 31, tzinfo=UTC)
ITEMS: dict[str, Any] = {
    "name": "items",
    "path": "/items",
    "records": "data",
    "primary_key": ["id"],
    "pagination": {"type": "cursor", "next": "next", "param": "c"},
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "at": {"type": "integer"}}},
}


class NoLookAhead:
    """A worker that does each call at once, in the caller's own thread."""

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - handed on, as Worker does
            future.set_exception(error)
        return future


def chain(pages: int) -> Callable[[Seen], Reply]:
    def route(seen: Seen) -> Reply:
        at = int(seen.query.get("c", 0))
        if at == pages:
            return Reply({"error": "gone"}, 410)
        return Reply({"data": [{"id": at * 2, "at": at}, {"id": at * 2 + 1, "at": at}], "next": at + 1})

    return route


def chunks_of(folder: Path, url: str, worker: Any, **options: Any) -> list[bytes]:
    path = folder / "config.json"
    path.write_text(json.dumps({"base_url": url, "streams": [ITEMS | options]}))
    config = load_config(str(path), {})
    source = Source(config, Client(config, now=lambda: NOW), worker, "2024-01-31T00:00:00Z")
    selection = Selection(config.streams[0], ITEMS["schema"], frozenset())
    chunks = []
    try:
        chunks.extend(sync(source, [selection], State(), lambda: NOW))
    except Exception as error:  # noqa: BLE001 - how it ends must be the same as well
        chunks.append(repr(error).encode())
    return chunks


@pytest.mark.parametrize("options", [{}, {"replication": {"key": "at", "sorted": "asc"}}], ids=["full", "incremental"])
def test_looking_ahead_changes_no_byte_not_even_before_an_error(tmp_path: Path, options: dict[str, Any]) -> None:
    with FakeApi(chain(5)) as api:
        ahead = b"".join(chunks_of(tmp_path, api.url, Workers(), **options))
        plain = b"".join(chunks_of(tmp_path, api.url, NoLookAhead(), **options))
    assert ahead.count(b'"RECORD"') == 10
    assert ahead == plain


def test_the_next_page_is_asked_for_before_this_one_is_used(tmp_path: Path) -> None:
    with FakeApi(chain(3)) as api:
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"base_url": api.url, "streams": [ITEMS]}))
        config = load_config(str(path), {})
        worker = Workers()
        source = Source(config, Client(config), worker, "2024-01-31T00:00:00Z")
        messages = sync(source, [Selection(config.streams[0], ITEMS["schema"], frozenset())], State(), lambda: NOW)
        while b'"RECORD"' not in next(messages):
            pass
        worker.submit(lambda: None).result(timeout=60)  # the worker has done what was asked of it before
        assert [seen.query.get("c") for seen in api.seen] == [None, "1"]


def test_a_page_is_one_chunk_of_whole_lines(tmp_path: Path) -> None:
    with FakeApi(chain(3)) as api:
        *chunks, _ = chunks_of(tmp_path, api.url, Workers())
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert [chunk.count(b'"RECORD"') for chunk in chunks if b'"RECORD"' in chunk] == [2, 2, 2]


SHOPS: dict[str, Any] = {
    "name": "shops",
    "path": "/shops",
    "records": "data",
    "primary_key": ["id"],
    "selected": False,
    "pagination": {"type": "none"},
    "schema": {"type": "object", "properties": {"id": {}}},
}
CHILD = ITEMS | {"path": "/shops/${parent.id}/items", "parent": "shops", "params": {"since": "${sync.start}"},
                 "pagination": {"type": "none"}, "replication": {"key": "at", "sorted": "asc"}}  # fmt: skip


def shops(count: int) -> Callable[[Seen], Reply]:
    def route(seen: Seen) -> Reply:
        if seen.path == "/shops":
            return Reply({"data": [{"id": number} for number in range(count)]})
        number = int(seen.path.split("/")[2])
        return Reply({"data": [{"id": number, "at": 100 + number}]})

    return route


@pytest.mark.parametrize("is_inclusive", [True, False], ids=["inclusive", "exclusive"])
@pytest.mark.parametrize("pagination", ["offset", "page"])
@pytest.mark.parametrize("seed", range(8))
def test_rows_updated_while_they_are_paged_are_not_missed(
    tmp_path: Path, seed: int, pagination: str, is_inclusive: bool
) -> None:
    """Simply counting on, 56 of 60 such walks lost a row: an update moves the rows behind it over a page edge."""
    chance, clock = random.Random(seed), [1000]
    rows = {number: number // 2 for number in range(60)}

    def route(seen: Seen) -> Reply:
        since, size = int(seen.query.get("since", -1)), int(seen.query["n"])
        skip = int(seen.query.get("offset", 0)) or (int(seen.query.get("page", 1)) - 1) * size
        found = sorted((at, number) for number, at in rows.items() if at > since or (is_inclusive and at == since))
        if clock[0] < 1012 and chance.random() < 0.5:
            clock[0] += 1
            rows[chance.choice(list(rows))] = clock[0]
        return Reply({"data": [{"id": number, "at": at} for at, number in found[skip : skip + size]]})

    stream = ITEMS | {"params": {"since": "${sync.start}"}, "replication": {"key": "at", "sorted": "asc"}}
    stream["pagination"] = {"type": pagination, "size": 7, "size_param": "n"}
    state, emitted = None, []
    with FakeApi(route) as api:
        for run in range(3):
            clock[0] = 2000 if run == 2 else clock[0]  # the last run finds the rows at rest
            outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [stream]}, state=state)
            assert outcome.error is None
            emitted += [(record["at"], record["id"]) for record in outcome.records()]
            state = outcome.states[-1]
    latest = {number: at for at, number in sorted(emitted)}
    assert latest == rows
    assert len(emitted) == len(set(emitted))


@pytest.mark.parametrize("pagination", ["offset", "page"])
def test_an_api_that_does_not_heed_the_start_is_counted_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pagination: str
) -> None:
    """Asked from the last keys on, it sends its first page again, for ever."""
    rows = [{"id": number, "at": number} for number in range(60)]

    def route(seen: Seen) -> Reply:
        skip = int(seen.query.get("offset", 0)) or (int(seen.query.get("page", 1)) - 1) * 7
        return Reply({"data": rows[skip : skip + 7]})

    stream = ITEMS | {"params": {"since": "${sync.start}"}, "replication": {"key": "at", "sorted": "asc"}}
    stream["pagination"] = {"type": pagination, "size": 7, "size_param": "n"}
    with FakeApi(route) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [stream]})
    assert outcome.records() == rows
    assert len(api.seen) == 11
    assert len(outcome.states) == 4  # before, the first page, the end of the stream, the end of the run
    assert "does not heed ${sync.start}" in capsys.readouterr().err


def test_more_parents_than_bookmarks_share_one_that_moves_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_rest_api.incremental.MAX_PARTITIONS", 3)
    with FakeApi(shops(5)) as api:
        first = run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, CHILD]})
        *before, last = [state["bookmarks"].get("items", {}) for state in first.states if "currently_syncing" in state]
        assert max(len(entry.get("partitions", [])) for entry in before) == 3
        assert last == {"replication_key": "at", "replication_key_value": 104, "seen": [[4]]}
        second = run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, CHILD]}, state=first.states[-1])
    assert api.seen[-1].query == {"since": "104"}
    assert second.records() == []


def test_no_state_passes_a_parent_without_a_bookmark_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_rest_api.incremental.MAX_PARTITIONS", 3)
    route = shops(5)
    with FakeApi(lambda seen: Reply({}, 410) if seen.path.startswith("/shops/4/") else route(seen)) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, CHILD]})
    kinds = [message["type"] for message in outcome.messages]
    assert outcome.exit_code == 4
    assert kinds[-1] == "RECORD"
    assert len(outcome.states[-1]["bookmarks"]["items"]["partitions"]) == 3


def test_more_parents_than_bookmarks_are_an_error_where_each_must_have_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_rest_api.incremental.MAX_PARTITIONS", 3)
    child = CHILD | {"replication": {"key": "at", "sorted": "asc", "state": "partition"}}
    with FakeApi(shops(5)) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, child]})
    assert outcome.exit_code == 2
    assert "more than 3 parents" in outcome.error.message


def test_a_large_state_is_not_sent_with_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_rest_api.stream_run._LARGE_STATE_BYTES", 300)
    with FakeApi(shops(40)) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, CHILD]})
    assert len(outcome.states) < 10
    assert len(outcome.states[-1]["bookmarks"]["items"]["partitions"]) == 40


def test_a_run_tells_its_story_in_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeApi(chain(3)) as api:
        last = [{"id": 9, "at": 3}]
        api.route = lambda seen: chain(9)(seen) if seen.query.get("c", "0") < "3" else Reply({"data": last})
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [ITEMS]})
    lines = capsys.readouterr().err.splitlines()
    metrics = [json.loads(line.removeprefix("INFO METRIC: ")) for line in lines if "METRIC" in line]
    assert outcome.exit_code == 0
    assert any(line.startswith("INFO items: 4 pages, 7 records, 0 retries, 0.0 s waited") for line in lines)
    assert [(m["type"], m["metric"]) for m in metrics] == [
        ("counter", "record_count"),
        ("timer", "http_request_duration"),
        ("timer", "job_duration"),
    ]
    assert metrics[0] == {"type": "counter", "metric": "record_count", "value": 7, "tags": {"endpoint": "items"}}
    assert metrics[2]["tags"] == {"job_type": "items", "status": "succeeded"}
    assert len(lines) <= 10


def test_metrics_on_the_way_sum_up_to_all_records_and_tell_pages_and_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def pages(seen: Any) -> Reply:
        number = int(seen.query.get("page", "1"))
        return Reply({"data": [{"id": number * 2}, {"id": number * 2 + 1}] if number < 4 else [], "count": 6})

    with FakeApi(pages) as api:
        paging = {"type": "page", "total": "count"}
        config = {"base_url": api.url, "streams": [ITEMS | {"pagination": paging}]}
        outcome = run_tap(tmp_path, config, metric_seconds=0.0)
    found = [
        json.loads(line.partition("METRIC: ")[2]) for line in capsys.readouterr().err.splitlines() if "METRIC" in line
    ]
    counters = [each for each in found if each["metric"] == "record_count"]
    assert outcome.exit_code == 0
    assert sum(each["value"] for each in counters) == 6
    assert counters[0]["tags"] == {"endpoint": "items", "pages": 1, "total": 6}
    assert [each["tags"].get("pages") for each in counters] == [1, 2, 3, None]


def test_a_failed_stream_says_that_it_is_partial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeApi(chain(2)) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [ITEMS]})
    shown = capsys.readouterr().err
    assert outcome.exit_code == 4
    assert "partial" in shown
    assert '"status": "failed"' in shown


def test_deselected_fields_and_streams_are_left_out(tmp_path: Path) -> None:
    config = {"streams": [ITEMS | {"pagination": {"type": "none"}}, SHOPS | {"selected": True}]}
    with FakeApi(lambda _: Reply(b'{"data": [{"id": 1, "at": 1.10, "more": 2.0}]}')) as api:
        config["base_url"] = api.url
        catalog = json.loads(run_tap(tmp_path, config, mode="discover").output)
        items, shop = catalog["streams"]
        for row in items["metadata"]:
            if row["breadcrumb"] == ["properties", "at"]:
                row["metadata"]["selected"] = "false"
        shop["metadata"][0]["metadata"]["selected"] = False
        outcome = run_tap(tmp_path, config, catalog=catalog)
    schema = next(message for message in outcome.messages if message["type"] == "SCHEMA")
    assert {message.get("stream") for message in outcome.messages} == {"items", None}
    assert list(schema["schema"]["properties"]) == ["id"]
    assert b'"record": {"id":1,"more":2.0}' in outcome.output


def test_discovery_samples_streams_without_a_schema(tmp_path: Path) -> None:
    route = shops(3)

    def with_types(seen: Seen) -> Reply:
        if seen.path == "/shops":
            return route(seen)
        return Reply(b'{"data": [{"id": 1, "at": "2024-01-31T00:00:00Z", "price": 1.50, "zip": "01234"}]}')

    child = {key: value for key, value in CHILD.items() if key != "schema"} | {"sample": 2}
    shop = {key: value for key, value in SHOPS.items() if key != "schema"}
    with FakeApi(with_types) as api:
        config = {"base_url": api.url, "streams": [shop, child]}
        catalog = json.loads(run_tap(tmp_path, config, mode="discover").output)
    assert catalog["streams"][1]["schema"] == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "at": {"type": ["null", "string"], "format": "date-time"},
            "price": {"type": ["null", "number"]},
            "zip": {"type": ["null", "string"]},
        },
    }
    assert api.lines.count("GET /shops/0/items") == api.lines.count("GET /shops/1/items") == 1
    assert "GET /shops/2/items" not in api.lines


def test_a_new_discovery_keeps_the_selections_of_the_catalog_it_is_given(tmp_path: Path) -> None:
    config = {"base_url": "http://127.0.0.1:1", "streams": [ITEMS]}
    catalog = json.loads(run_tap(tmp_path, config, mode="discover").output)
    catalog["streams"][0]["metadata"][0]["metadata"]["selected"] = "false"
    again = json.loads(run_tap(tmp_path, config, mode="discover", catalog=catalog).output)
    assert again == catalog


def test_an_empty_stream_is_discovered_with_its_keys_and_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = {key: value for key, value in ITEMS.items() if key != "schema"} | {"replication": {"key": "at"}}
    with FakeApi(lambda _: Reply({"data": []})) as api:
        catalog = json.loads(run_tap(tmp_path, {"base_url": api.url, "streams": [empty]}, mode="discover").output)
    assert catalog["streams"][0]["schema"]["properties"] == {"id": {}, "at": {}}
    assert "no records to infer a schema from" in capsys.readouterr().err


def test_a_key_that_no_sampled_record_has_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt replication key had every run land every record again, without a word."""
    stream = {"name": "items", "path": "/items", "primary_key": ["idd"], "replication": {"key": "updated"}}
    with FakeApi(lambda _: Reply({"data": [{"id": 1, "at": "2024-01-31T00:00:00Z"}, {"id": 2, "at": None}]})) as api:
        run_tap(tmp_path, {"base_url": api.url, "streams": [stream]}, mode="discover")
    shown = capsys.readouterr().err
    assert 'items: none of the 2 records sampled has "idd", which "primary_key" names; they have: id, at' in shown
    assert 'items: none of the 2 records sampled has "updated", which "replication" names; they have: id, at' in shown


def test_what_auto_found_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = {key: value for key, value in CHILD.items() if key not in ("pagination", "records")}
    with FakeApi(shops(4)) as api:
        run_tap(tmp_path, {"base_url": api.url, "streams": [SHOPS, child]})
    shown = capsys.readouterr().err
    assert shown.count("pagination found: one page only") == 1
    assert shown.count('the records are at "data"') == 1


def test_the_place_of_the_records_is_settled_by_the_first_page_that_has_some(tmp_path: Path) -> None:
    """On a later page another array may be the only one with objects in it."""
    pages = [{"data": [{"id": 1, "at": 1}], "next": 1}, {"data": [], "warnings": [{"id": 2}], "next": None}]
    stream = {key: value for key, value in ITEMS.items() if key != "records"}
    with FakeApi(lambda seen: Reply(pages[int(seen.query.get("c", 0))])) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [stream]})
    assert outcome.records() == [{"id": 1, "at": 1}]
