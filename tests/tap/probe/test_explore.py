"""tap-rest-api --init: for each habit of paging it finds the right option, or says that it is not sure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.probe.probing import draft_of, pages_of, run_init
from tests.tap.tap import run_tap
from tests.tap.test_cases import CASES, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.tap.fake_api import Seen

ITEMS = [{"id": 100 + n, "name": f"item {n % 4}", "at": f"2024-01-{1 + n % 28:02}"} for n in range(23)]
SIZE = 10


@dataclass(frozen=True)
class Habit:
    """An API that pages in some way, and what --init must make of it."""

    answer: Callable[[Seen, str], Any]
    pagination: Mapping[str, Any] | None
    more: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    unsure: str = ""


def cut(start: int, seen: Seen, size_param: str = "", most: int = 1000) -> list[Any]:
    size = min(int(seen.query.get(size_param, SIZE)), most) if size_param else SIZE
    return ITEMS[start : start + size] if start >= 0 else []


def number(seen: Seen, name: str, default: int) -> int:
    return int(seen.query.get(name, default))


def by_page(seen: Seen, name: str = "page", first: int = 1, size_param: str = "") -> list[Any]:
    size = int(seen.query.get(size_param, SIZE)) if size_param else SIZE
    return cut((number(seen, name, first) - first) * size, seen, size_param)


def next_link(seen: Seen, url: str, page: int) -> str | None:
    return f"{url}/v1/items?page={page + 1}" if page * SIZE < len(ITEMS) else None


def linked(seen: Seen, url: str) -> Reply:
    link = next_link(seen, url, number(seen, "page", 1))
    return Reply(
        by_page(seen), headers={"Link": f'<{url}/v1/items>; rel="first", <{link}>; rel="next"'} if link else {}
    )


def with_cursor(name: str, param: str) -> Callable[[Seen, str], Any]:
    def answer(seen: Seen, _: str) -> Any:
        start = int(seen.query.get(param, "c0")[1:])
        token = f"c{start + SIZE}" if start + SIZE < len(ITEMS) else None
        body: Any = token
        for key in reversed(name.split(".")):
            body = {key: body}
        return {"items": cut(start, seen), **body}

    return answer


def by_last_record(seen: Seen, _: str) -> Any:
    after = number(seen, "starting_after", 0)
    rest = [item for item in ITEMS if item["id"] > after]
    return {"object": "list", "data": rest[:SIZE], "has_more": len(rest) > SIZE}


def spring(seen: Seen, _: str) -> Any:
    page = number(seen, "page", 0)
    content = by_page(seen, first=0)
    return {"content": content, "number": page, "size": SIZE, "totalElements": 23, "totalPages": 3, "last": page > 1}


def refuses_past_the_end(seen: Seen, _: str) -> Any:
    found = by_page(seen)
    return found or Reply({"error": "no such page"}, status=404)


def repeats_the_last_page(seen: Seen, _: str) -> Any:
    return ITEMS[20:] if number(seen, "page", 1) > 2 else by_page(seen)


PAGE = {"type": "page", "param": "page"}
OFFSET = {"type": "offset", "param": "offset"}
LARGER = {"size": 100, "size_param": "limit"}
HABITS = {
    "link header": Habit(linked, {"type": "link"}),
    "url in the body": Habit(
        lambda seen, url: {"results": by_page(seen), "next": next_link(seen, url, number(seen, "page", 1))},
        {"type": "link", "next": "next"},
    ),
    "relative url below links": Habit(
        lambda seen, _: {
            "data": by_page(seen),
            "links": {"next": f"/v1/items?page={number(seen, 'page', 1) + 1}" if by_page(seen) else None},
        },
        {"type": "link", "next": "links.next"},
    ),
    "list of links": Habit(
        lambda seen, url: {
            "entry": by_page(seen),
            "link": [{"relation": "next", "url": next_link(seen, url, number(seen, "page", 1))}],
        },
        {"type": "link", "next": "link[?relation=='next'].url | [0]"},
    ),
    "cursor": Habit(
        with_cursor("meta.next_cursor", "cursor"), {"type": "cursor", "next": "meta.next_cursor", "param": "cursor"}
    ),
    "page token": Habit(
        with_cursor("nextPageToken", "pageToken"), {"type": "cursor", "next": "nextPageToken", "param": "pageToken"}
    ),
    "token of an unusual name": Habit(
        with_cursor("paging.next_batch", "batch"), {"type": "cursor", "next": "paging.next_batch", "param": "batch"}
    ),
    "token that nothing takes": Habit(with_cursor("next_token", "resume"), None, unsure="pagination"),
    "next page's number in a header": Habit(
        lambda seen, _: Reply(
            by_page(seen), headers={"X-Next-Page": str(n + 1) if (n := number(seen, "page", 1)) < 3 else ""}
        ),
        {"type": "cursor", "next": "header:X-Next-Page", "param": "page"},
    ),
    "last record's id": Habit(
        by_last_record, {"type": "cursor", "next": "last:id", "param": "starting_after", "more": "has_more"}
    ),
    "page numbers that nothing names": Habit(lambda seen, _: by_page(seen), PAGE),
    "page and size": Habit(
        lambda seen, _: {"data": by_page(seen, size_param="per_page"), "page": number(seen, "page", 1), "total": 23},
        {**PAGE, "total": "total", "size": 100, "size_param": "per_page"},
    ),
    "page from 0, as the body says": Habit(spring, {**PAGE, "start": 0, "total": "totalElements"}),
    "page from 0, as nothing says": Habit(lambda seen, _: by_page(seen, first=0), {**PAGE, "start": 0}),
    "page of the request": Habit(
        lambda seen, _: by_page(seen, name="pageNumber"), {"type": "page", "param": "pageNumber"}, query="?pageNumber=1"
    ),
    "page with a flag": Habit(
        lambda seen, _: {"data": by_page(seen), "hasMore": number(seen, "page", 1) < 3}, {**PAGE, "more": "hasMore"}
    ),
    "404 past the end": Habit(
        refuses_past_the_end, PAGE, more={"errors": [{"status": [404], "do": "end"}]}, unsure="the last page"
    ),
    "last page for ever": Habit(repeats_the_last_page, PAGE, unsure="the last page"),
    "a total that larger pages lack": Habit(
        lambda seen, _: {
            "d": cut(number(seen, "offset", 0), seen, "limit"),
            **({} if "limit" in seen.query else {"total": 23}),
        },
        {**OFFSET, "total": "total"},
    ),
    "offset and limit": Habit(
        lambda seen, _: {"items": cut(number(seen, "offset", 0), seen, "limit"), "offset": 0, "limit": 10, "total": 23},
        {**OFFSET, "total": "total", **LARGER},
    ),
    "offset that nothing names": Habit(
        lambda seen, _: {"items": cut(number(seen, "skip", 0), seen), "count": 23},
        {"type": "offset", "param": "skip", "total": "count"},
    ),
    "offset from 1": Habit(
        lambda seen, _: cut(number(seen, "offset", 1) - 1, seen) if number(seen, "offset", 1) else [],
        {**OFFSET, "start": 1},
    ),
    "size that is capped": Habit(
        lambda seen, _: {"d": cut(number(seen, "offset", 0), seen, "limit", most=12), "offset": 0, "total": 23},
        {**OFFSET, "total": "total", "size": 12, "size_param": "limit"},
    ),
    "size of the request": Habit(
        lambda seen, _: {"data": by_page(seen, size_param="n"), "page": number(seen, "page", 1), "count": SIZE},
        {**PAGE, "size": 10, "size_param": "n"},
        query="?n=10",
    ),
    "count of the page, no total": Habit(
        lambda seen, _: {"data": by_page(seen), "page": number(seen, "page", 1), "count": len(by_page(seen))}, PAGE
    ),
    "one page": Habit(lambda *_: {"data": ITEMS[:7]}, None, unsure="pagination"),
    "one page of a round size": Habit(lambda *_: ITEMS[:10], None, unsure="pagination"),
    "pages in another order each time": Habit(
        lambda seen, _: ITEMS[3:13] if "page" in seen.query or "offset" in seen.query else ITEMS[:10],
        None,
        unsure="pagination",
    ),
    "null where the next link would stand": Habit(
        lambda *_: {"data": ITEMS[:4], "next": None}, None, unsure="pagination"
    ),
}


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
def test_a_habit_is_found_or_said_to_be_uncertain(habit: Habit, tmp_path: Path) -> None:
    def route(seen: Seen) -> Reply:
        found = habit.answer(seen, api.url)
        return found if isinstance(found, Reply) else Reply(found)

    with FakeApi(route) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/items{habit.query}")
        asked = len(api.seen)
        stream = facts["tap"]["streams"][0]
        assert stream.get("pagination") == habit.pagination, facts["unsure"]
        assert {key: stream[key] for key in habit.more} == habit.more
        assert (habit.unsure in {doubt["what"] for doubt in facts["unsure"]}) == bool(habit.unsure), facts["unsure"]
        assert asked <= 12
        if habit.pagination and not (habit.unsure and not habit.more):  # what was found reads all there is
            outcome = run_tap(tmp_path, facts["tap"])
            assert outcome.error is None
            assert sorted(record["id"] for record in outcome.records()) == [item["id"] for item in ITEMS]


def simple_cases() -> list[Path]:
    """The cases of the tap's own habits whose first request a person could type."""

    def is_simple(path: Path) -> bool:
        case = json.loads(path.read_text("utf-8"))
        if not case["answers"]:
            return False
        first = case["answers"][0]
        streams = case["config"]["streams"]
        is_get = first["request"].startswith("GET ") and first.get("status", 200) == 200
        return is_get and len(streams) == 1 and "state" not in case and "exit_code" not in case

    return [path for path in CASES if is_simple(path)]


@pytest.mark.parametrize("path", simple_cases(), ids=lambda path: path.stem)
def test_no_case_of_the_taps_own_is_ever_taken_for_another_habit(path: Path, tmp_path: Path) -> None:
    """The script answers 400 to what it does not know: then --init has to say that it is not sure."""
    case = json.loads(path.read_text("utf-8"))
    with FakeApi(lambda seen: Reply(status=599)) as api:
        api.route = Script(case["answers"], api.url)
        target = case["answers"][0]["request"].removeprefix("GET ").split(" ")[0]
        outcome = run_init(tmp_path, f"{api.url}{target}")
    if outcome.error is not None:
        assert outcome.exit_code in (2, 4)
        return
    facts = json.loads(outcome.output)
    found = facts["tap"]["streams"][0].get("pagination")
    unsure = {doubt["what"] for doubt in facts["unsure"]}
    assert found is not None or unsure & {"pagination", "records"}
    wanted = pages_of(case)
    if found is not None and wanted not in ("auto", "none"):
        assert found["type"] == wanted


def test_init_prints_a_configuration_that_a_run_takes(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply(by_page(seen))) as api:
        outcome = run_init(tmp_path, f"{api.url}/v1/items", form="text")
        (tmp_path / "mine.json").write_bytes(outcome.output)
        again = run_tap(tmp_path, outcome.output.decode())
    assert outcome.error is None
    assert len(again.records("items")) == len(ITEMS)
