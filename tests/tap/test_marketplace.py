"""The whole tap against the example API, which knows exactly what it has."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from examples.marketplace.faults import Fault
from examples.marketplace.server import Marketplace
from tests.tap.market import KEY, ROOT, canonical_records, committed, example_config, source_records
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAMS = ("shops", "products", "diaper_reviews")


@pytest.fixture
def api() -> Iterator[Marketplace]:
    with Marketplace(advance="manual", reviews=700) as marketplace:
        yield marketplace


@pytest.mark.parametrize("size", [1000, 97, 7])
def test_every_record_comes_out_exactly_whatever_the_page_size(api: Marketplace, tmp_path: Path, size: int) -> None:
    outcome = run_tap(tmp_path, example_config(api, size=size), environment=KEY)
    messages, _ = committed(outcome.output)
    assert outcome.exit_code == 0
    for stream in STREAMS:
        assert canonical_records(messages, stream) == source_records(api, stream), stream


def test_a_second_run_brings_what_changed_and_nothing_else(api: Marketplace, tmp_path: Path) -> None:
    config = example_config(api, size=50)
    first = run_tap(tmp_path, config, environment=KEY)
    before = source_records(api, "diaper_reviews")
    api.advance()
    second = run_tap(tmp_path, config, state=first.states[-1], environment=KEY)
    messages, _ = committed(second.output)
    assert canonical_records(messages, "diaper_reviews") == source_records(api, "diaper_reviews") - before
    assert not canonical_records(messages, "products")
    assert canonical_records(messages, "shops") == source_records(api, "shops")


def test_a_third_run_without_news_keeps_the_state(api: Marketplace, tmp_path: Path) -> None:
    config = example_config(api, streams=["products", "shops", "diaper_reviews"])
    first = run_tap(tmp_path, config, environment=KEY)
    second = run_tap(tmp_path, config, state=first.states[-1], environment=KEY)
    assert second.states[-1]["bookmarks"]["diaper_reviews"] == first.states[-1]["bookmarks"]["diaper_reviews"]
    assert second.states[-1]["bookmarks"]["products"] == first.states[-1]["bookmarks"]["products"]


def test_cut_anywhere_and_resumed_every_record_lands_once(api: Marketplace, tmp_path: Path) -> None:
    """A kill leaves a prefix of the output; a target commits it up to its last STATE, where the next run begins."""
    config, chance = example_config(api, size=40), random.Random(20260131)
    for _ in range(12 if "SWEEP" in os.environ else 4):
        state: Any = None
        landed: list[dict[str, Any]] = []
        for kills_left in reversed(range(4)):
            output = run_tap(tmp_path, config, state=state, environment=KEY).output
            cut = chance.randrange(len(output)) if kills_left else len(output)
            messages, reached = committed(output[:cut])
            landed += messages
            state = reached if reached is not None else state
        for stream in STREAMS:
            assert canonical_records(landed, stream) == source_records(api, stream), stream


def test_a_full_table_that_was_read_before_the_kill_is_not_read_again(api: Marketplace, tmp_path: Path) -> None:
    config = example_config(api)
    output = run_tap(tmp_path, config, environment=KEY).output
    cut = output.index(b'"stream": "diaper_reviews"')
    _, state = committed(output[:cut])
    api_requests = len(api.requests())
    resumed = run_tap(tmp_path, config, state=state, environment=KEY)
    asked = [seen["path"] for seen in api.requests()[api_requests:]]
    assert not resumed.records("shops")
    assert resumed.records("diaper_reviews")
    assert "complete" not in resumed.states[-1]["bookmarks"]["shops"]
    assert asked.count("/v1/shops") == 3  # once for products, whose parents they are: 12 shops, 5 a page


TRANSPORT = ["reset_before", "reset_mid", "short_length", "cut_chunked", "cut_gzip", "stall", "drip"]
CONTENT = ["html", "empty", "error_in_200", "no_records_path", "bad_json", "gzip_bomb", "redirect_loop", "no_content"]
STATUSES = [401, 403, 404, 408, 429, 500, 502, 503]
LIARS = ["repeat_cursor", "same_page", "two_pages", "last_page_repeated", "empty_page", "self_link", "shrinking_total"]
ONCE = [pytest.param({"kind": kind, "seconds": 3.0}, id=kind) for kind in [*TRANSPORT, *CONTENT]]
ONCE += [pytest.param({"kind": "status", "status": status}, id=str(status)) for status in STATUSES]
FOREVER = [pytest.param({"kind": kind, "seconds": 3.0, "times": None}, id=f"{kind}-forever") for kind in TRANSPORT[:5]]
FOREVER += [pytest.param({"kind": kind, "times": None}, id=kind) for kind in LIARS]


@pytest.mark.parametrize("at", [4])  # test_faults.py has every page, without the example API's own time
@pytest.mark.parametrize("fault", [*ONCE, *FOREVER])
@pytest.mark.parametrize(
    ("stream", "path"), [("diaper_reviews", "/v1/diaper_reviews"), ("shops", "/v1/shops")], ids=["cursor", "page"]
)
def test_a_fault_leaves_the_exact_set_or_a_gap_that_the_next_run_fills(
    api: Marketplace, tmp_path: Path, stream: str, path: str, fault: dict[str, Any], at: int
) -> None:
    """Reliability rows 10 and 11: a page is whole or absent, and no fault moves a bookmark past a gap."""
    config = example_config(api, size=100 if stream == "diaper_reviews" else 2, streams=[stream])
    at = min(at, 6) if stream == "shops" else at
    api.faults = [Fault(path=path, at=at, **fault)]
    broken = run_tap(tmp_path, config, environment=KEY)
    requests = len(api.requests())
    api.faults = []
    landed, state = committed(broken.output)
    whole = source_records(api, stream)
    if broken.exit_code == 0:
        assert canonical_records(landed, stream) == whole
        return
    assert requests < 40, "a broken API is not asked for ever"
    assert "Traceback" not in broken.error.show()
    mended = run_tap(tmp_path, config, state=state, environment=KEY)
    more, _ = committed(mended.output)
    assert mended.exit_code == 0
    assert canonical_records(landed + more, stream) == whole


@pytest.mark.parametrize("kind", ["nan", "lone_surrogate"])
def test_a_record_that_is_not_quite_json_spoils_no_other(api: Marketplace, tmp_path: Path, kind: str) -> None:
    api.faults = [Fault(kind, at=2)]
    outcome = run_tap(tmp_path, example_config(api, size=100, streams=["diaper_reviews"]), environment=KEY)
    ids = [record["id"] for record in outcome.records()]
    assert outcome.exit_code == 0
    assert sorted(ids) == sorted(record["id"] for record in api.records("diaper_reviews"))


@pytest.mark.parametrize(
    ("fault", "exit_code", "words"),
    [
        ({"kind": "status", "status": 401}, 3, "401 Unauthorized"),
        ({"kind": "status", "status": 403}, 3, "403 Forbidden"),
        ({"kind": "status", "status": 404}, 4, "404 Not Found"),
        ({"kind": "status", "status": 503, "times": None}, 4, "503 Service Unavailable, after 3 tries"),
        ({"kind": "html", "times": None}, 4, "the answer is not JSON"),
        ({"kind": "empty", "times": None}, 4, "the answer is empty"),
        ({"kind": "no_records_path"}, 2, 'has no field "results"'),
        ({"kind": "cut_gzip", "times": None}, 4, "cut short"),
        ({"kind": "gzip_bomb", "times": None}, 4, "times when decompressed"),
        ({"kind": "redirect_loop", "times": None}, 4, "redirects in a ring"),
        ({"kind": "reset_before", "times": None}, 4, "the connection was reset"),
        ({"kind": "stall", "seconds": 3.0, "times": None}, 4, "no answer in time"),
        ({"kind": "drip", "seconds": 9.0, "times": None}, 4, "total_timeout"),
    ],
    ids=lambda value: f"{value['kind']}-{value.get('status', '')}" if isinstance(value, dict) else "",
)
def test_each_fault_has_its_exit_code_and_its_words(
    api: Marketplace, tmp_path: Path, fault: dict[str, Any], exit_code: int, words: str
) -> None:
    api.faults = [Fault(at=2, **fault)]
    config = example_config(api, size=100, streams=["diaper_reviews"])
    config["limits"] |= {"read_timeout": 0.3 if fault["kind"] == "stall" else 20, "total_timeout": 0.5}
    outcome = run_tap(tmp_path, config, environment=KEY)
    assert outcome.exit_code == exit_code
    assert words in outcome.error.show()
    assert 'stream "diaper_reviews"' in outcome.error.show()


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "api_key", "token": "demo-key"},
        {"type": "api_key", "in": "query", "name": "api_key", "token": "demo-key"},
        {"type": "bearer", "token": "demo-key"},
        {"type": "basic", "username": "demo", "password": "demo-key"},
    ],
    ids=lambda auth: f"{auth['type']}-{auth.get('in', 'header')}",
)
def test_the_api_takes_every_kind_of_credentials(api: Marketplace, tmp_path: Path, auth: dict[str, str]) -> None:
    config = example_config(api, streams=["shops"]) | {"auth": auth}
    assert len(run_tap(tmp_path, config).records("shops")) == 12


def test_a_wrong_key_is_exit_code_3(api: Marketplace, tmp_path: Path) -> None:
    outcome = run_tap(tmp_path, example_config(api), environment={"MARKETPLACE_API_KEY": "wrong-key"})
    assert outcome.exit_code == 3
    assert "auth" in outcome.error.fix


def test_links_are_followed_over_the_example_api(api: Marketplace, tmp_path: Path) -> None:
    config = example_config(api, streams=["diaper_reviews"])
    config["streams"][0] |= {"path": "/links/reviews", "params": {}, "pagination": {"type": "link"}}
    del config["streams"][0]["records"], config["streams"][0]["replication"]
    messages, _ = committed(run_tap(tmp_path, config, environment=KEY).output)
    assert canonical_records(messages, "diaper_reviews") == source_records(api, "diaper_reviews")


def test_the_committed_catalog_is_what_discovery_prints(api: Marketplace, tmp_path: Path) -> None:
    outcome = run_tap(tmp_path, example_config(api), mode="discover", environment=KEY)
    assert outcome.output == (ROOT / "catalog.json").read_bytes()
    assert not api.requests()


def test_the_example_records_keep_their_schemas(api: Marketplace) -> None:
    """All but the seven that are made to break them; `multipleOf` on floats is wrong, so it is left out."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    for stream in STREAMS:
        text = (ROOT / f"examples/marketplace/schemas/{stream}.json").read_text("utf-8")
        schema = json.loads(text, object_hook=lambda part: {k: v for k, v in part.items() if k != "multipleOf"})
        validator = jsonschema_rs.Draft7Validator(schema, validate_formats=True)
        bad = [record["id"] for record in api.records(stream) if not validator.is_valid(_plain(record))]
        assert bad == ([37, 418] if stream == "diaper_reviews" else [])


def _plain(record: dict[str, Any]) -> Any:
    return json.loads(json.dumps(record, default=float))
