"""Reliability row 11: pages that lie about what follows are caught before a third fetch of any page.

Each liar is a function from the rows' true page to the page it sends; it knows which request this is.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.fake_api import Seen

SIZE, PAGES = 3, 4
PAGINGS: dict[str, dict[str, Any]] = {
    "cursor": {"type": "cursor", "param": "at", "next": "next"},
    "cursor in a header": {"type": "cursor", "param": "at", "next": "header:X-Next"},
    "cursor with more": {"type": "cursor", "param": "at", "next": "next", "more": "more"},
    "link": {"type": "link"},
    "link in the body": {"type": "link", "next": "link"},
    "page": {"type": "page", "param": "at", "start": 0},
    "page with more": {"type": "page", "param": "at", "start": 0, "more": "more"},
    "page with total": {"type": "page", "param": "at", "start": 0, "total": "total"},
    "offset": {"type": "offset"},
    "offset with more": {"type": "offset", "more": "more"},
    "offset with total": {"type": "offset", "total": "total"},
    "auto": {"type": "auto"},
}


def rows(page: int) -> list[dict[str, Any]]:
    return [{"id": page * SIZE + n, "name": f"row {page * SIZE + n}"} for n in range(SIZE)] if page < PAGES else []


def reply(data: list[dict[str, Any]], following: Any, total: int = SIZE * PAGES) -> Reply:
    link = f"/items?at={following}" if following is not None else None
    body = {"data": data, "next": following, "more": following is not None, "link": link, "total": total}
    headers = {"X-Next": str(following), "Link": f'<{link}>; rel="next"'} if link else {}
    return Reply(body, headers=headers)


def position(seen: Seen) -> int:
    return int(seen.query["offset"]) // SIZE if "offset" in seen.query else int(seen.query.get("at") or 0)


def stays(at: int, asked: int) -> Reply:
    """The token or number of this page again: A → A."""
    return reply(rows(at), at)


def self_link(at: int, asked: int) -> Reply:
    """The last page names itself as the next one."""
    return reply(rows(at), min(at + 1, PAGES - 1))


def ring(at: int, asked: int) -> Reply:
    """A → B → A."""
    return reply(rows(at % 2), (at + 1) % 2)


def first_page_always(at: int, asked: int) -> Reply:
    """The API does not know the parameter; its tokens look new."""
    return reply(rows(0), at + 1)


def two_pages_always(at: int, asked: int) -> Reply:
    return reply(rows(at % 2), at + 1)


def last_page_for_ever(at: int, asked: int) -> Reply:
    return reply(rows(min(at, PAGES - 1)), at + 1)


def changing_page_for_ever(at: int, asked: int) -> Reply:
    """The same rows with a field that never stays: the time of the answer, a counter of views."""
    return reply([{**row, "views": asked} for row in rows(min(at, PAGES - 1))], at + 1)


def empty_for_ever(at: int, asked: int) -> Reply:
    return reply(rows(at), at + 1)


def shrinking_total(at: int, asked: int) -> Reply:
    return reply(rows(at), at + 1 if at < PAGES else None, SIZE * PAGES - 2 * asked)


LIARS = (
    stays,
    self_link,
    ring,
    first_page_always,
    two_pages_always,
    last_page_for_ever,
    changing_page_for_ever,
    empty_for_ever,
    shrinking_total,
)


@pytest.mark.parametrize(
    ("liar", "paging"), list(product(LIARS, PAGINGS)), ids=lambda value: getattr(value, "__name__", value)
)
def test_a_liar_is_caught_before_a_third_fetch_of_any_page(
    tmp_path: Path, liar: Callable[[int, int], Reply], paging: str
) -> None:
    sent: Counter[str] = Counter()
    whole = Counter(row["id"] for page in range(PAGES) for row in rows(page))

    def route(seen: Seen) -> Reply:
        answer = liar(position(seen), sent.total())
        sent[json.dumps([row["id"] for row in answer.body["data"]])] += 1
        return answer if sent.total() < 100 else Reply(status=400)

    with FakeApi(route) as api:
        outcome = run_tap(tmp_path, config(api.url, paging))
    ids = Counter(record["id"] for record in outcome.records())
    empty = sent.pop("[]", 0)
    assert empty <= 22, "twenty empty pages may be a habit"
    assert max(sent.values()) <= 2, (sent, outcome.error and outcome.error.show())
    if outcome.exit_code == 0:
        assert ids == whole, "an end without an error is an end with all rows"
    else:
        assert outcome.exit_code == 4
        assert outcome.error.where
        assert "items" not in outcome.states[-1]["bookmarks"], "no bookmark, and no full table, is said to be done"


def config(url: str, paging: str) -> dict[str, Any]:
    stream = {
        "name": "items",
        "path": "/items",
        "records": "data",
        "primary_key": ["id"],
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "pagination": PAGINGS[paging],
    }
    if paging == "auto":
        stream["params"] = {"page": 0}
    return {"base_url": url, "limits": {"retries": 0}, "streams": [stream]}
