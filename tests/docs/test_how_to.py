"""docs/how-to.md: each recipe is accepted, and reads an API with its habit: all of it, once, and then what is new."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tap_rest_api.config import load_config
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.tap.fake_api import Seen

TEXT = Path(__file__).parents[2].joinpath("docs", "how-to.md").read_text("utf-8")
RECIPE = re.compile(r"^### ([^\n]+)\n(?:(?!^#).)*?^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOP_LEVEL = ("auth", "limits")
SECRETS = {f"SHOP_{name}": f"s3cret-{name.lower()}" for name in ("TOKEN", "PASSWORD", "CLIENT", "SECRET", "REFRESH")}
SECRETS["MASK_KEY"] = "sixteen or more."

Record = dict[str, Any]
BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)


def to_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


ORDERS: Sequence[Record] = [
    {"id": number, "updated_at": to_text(BEGIN + timedelta(hours=number))} for number in range(250)
]


class Recipe(NamedTuple):
    part: str
    title: str
    options: Mapping[str, Any]


def recipes() -> Iterator[Recipe]:
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        for title, options in RECIPE.findall(part):
            yield Recipe(part.partition("\n")[0], title, json.loads(options))


RECIPES = {recipe.title: recipe for recipe in recipes()}


def of(part: str) -> list[str]:
    return [title for title, recipe in RECIPES.items() if recipe.part == part]


def to_config(recipe: Recipe, url: str) -> dict[str, Any]:
    """Put a recipe where it says it belongs, with an API around it."""
    options = json.loads(json.dumps(recipe.options).replace("https://auth.shop.example", url))
    top = {name: options.pop(name) for name in TOP_LEVEL if name in options}
    if "mask" in options:
        top["mask_key"] = "${env.MASK_KEY}"
    shops = [{"name": "shops", "path": "/shops", "primary_key": ["id"]}] if "parent" in options else []
    streams = [*shops, {"name": "orders", "path": "/orders", **options}]
    return {"tap": {"base_url": url, "limits": {"retries": 0}, **top, "streams": streams}}


def read(recipe: Recipe, route: Callable[[Seen], Reply], folder: Path, state: Any = None) -> tuple[list[int], Any]:
    """Return the ids that a run brings, and its last state."""
    with FakeApi(route) as api:
        outcome = run_tap(folder, to_config(recipe, api.url), state=state, environment=SECRETS)
    assert outcome.error is None, outcome.error
    return [record["id"] for record in outcome.records("orders")], outcome.states[-1]


def test_every_recipe_is_read():
    titles = re.findall(r"^### (.+)$", TEXT, re.MULTILINE)
    assert [title for title in titles if title not in RECIPES] == ["nothing to go by"]
    assert set(of("Pagination")) == set(PAGES)


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_accepted(title: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_config(RECIPES[title], "https://api.shop.example")))
    assert "orders" in {stream.name for stream in load_config(str(path), SECRETS).streams}


def by_number(query: Mapping[str, str]) -> Reply:
    size = int(query["per_page"])
    begin = (int(query.get("page", "1")) - 1) * size
    return Reply({"data": ORDERS[begin : begin + size]})


def by_offset(query: Mapping[str, str]) -> Reply:
    """Give fewer records than were asked for, as many servers do."""
    begin = int(query.get("offset", "0"))
    return Reply({"data": ORDERS[begin : begin + min(int(query["limit"]), 70)]})


def by_token(query: Mapping[str, str], name: str = "cursor") -> Reply:
    begin = int(query.get(name) or 0)
    token = str(begin + 100) if begin + 100 < len(ORDERS) else None
    return Reply({"data": ORDERS[begin : begin + 100], "meta": {"next_cursor": token}})


def by_last_id(query: Mapping[str, str]) -> Reply:
    begin = int(query.get("starting_after", "-1")) + 1
    return Reply({"data": ORDERS[begin : begin + 100], "has_more": begin + 100 < len(ORDERS)})


def by_link(query: Mapping[str, str]) -> Reply:
    page = int(query.get("page", "1"))
    headers = {"Link": f'</orders?page={page + 1}>; rel="next"'} if page < 3 else {}
    return Reply(ORDERS[(page - 1) * 100 : page * 100], headers=headers)


PAGES: Mapping[str, Callable[[Seen], Reply]] = {
    "by page number": lambda seen: by_number(seen.query),
    "by offset": lambda seen: by_offset(seen.query),
    "by a token in the answer": lambda seen: by_token(seen.query),
    "by the last record's id": lambda seen: by_last_id(seen.query),
    "by a link": lambda seen: by_link(seen.query),
    "in the body of a POST": lambda seen: by_token(json.loads(seen.body), "after"),
}


@pytest.mark.parametrize("title", of("Pagination"))
def test_all_pages_come_once(title: str, tmp_path: Path) -> None:
    ids, _ = read(RECIPES[title], PAGES[title], tmp_path)
    assert ids == [order["id"] for order in ORDERS]


def is_known(seen: Seen) -> bool:
    """Tell whether a request carries what this API gave or knows."""
    shown = (seen.headers.get("authorization"), seen.headers.get("x-api-key"))
    basic = b64encode(f"ada:{SECRETS['SHOP_PASSWORD']}".encode()).decode()
    return bool({"Bearer s3cret-token", "Bearer access", f"Basic {basic}"} & {*shown}) or shown[1] == "s3cret-token"


def give_token(seen: Seen) -> Reply:
    """Give a token for the secrets of a recipe, and another refresh token."""
    known = [name for name in ("SECRET", "PASSWORD") if SECRETS[f"SHOP_{name}"].encode() in seen.body]
    body = {"access_token": "access", "token": "access", "expires_in": 3600, "refresh_token": "s3cret-next"}
    return Reply(body) if known else Reply({"error": "invalid_client"}, 401)


@pytest.mark.parametrize("title", of("Credentials"))
def test_who_asks_is_known(title: str, tmp_path: Path) -> None:
    def route(seen: Seen) -> Reply:
        if seen.path in ("/token", "/login"):
            return give_token(seen)
        return Reply({"data": ORDERS}) if is_known(seen) else Reply({"error": "who?"}, 401)

    ids, _ = read(RECIPES[title], route, tmp_path)
    assert len(ids) == len(ORDERS)
    if "persist" in str(RECIPES[title].options):
        kept = tmp_path / ".secrets" / "token.json"
        assert "s3cret-next" in kept.read_text()
        assert kept.stat().st_mode & 0o077 == 0


def changing(title: str, orders: Sequence[Record]) -> Callable[[Seen], Reply]:
    """Return an API that filters by what it is asked, in the order that the recipe is for."""

    def route(seen: Seen) -> Reply:
        since = seen.query.get("since") or seen.query.get("from") or ""
        rows = [order for order in orders if since <= order["updated_at"] < seen.query.get("to", "9")]
        if "whatever order" in title:
            random.Random(7).shuffle(rows)
        return Reply({"data": rows[::-1] if "newest" in title else rows})

    return route


@pytest.mark.parametrize("title", of("Only what is new"))
def test_the_second_run_brings_what_is_new(title: str, tmp_path: Path) -> None:
    ids, state = read(RECIPES[title], changing(title, ORDERS), tmp_path)
    assert sorted(ids) == [order["id"] for order in ORDERS]
    bookmark = datetime.fromisoformat(state["bookmarks"]["orders"]["replication_key_value"])
    new = {"id": 999, "updated_at": to_text(bookmark + timedelta(seconds=1))}
    again, _ = read(RECIPES[title], changing(title, [*ORDERS, new]), tmp_path, state)
    looked_back = [248, 249] if "lookback" in RECIPES[title].options["replication"] else []
    assert again == [*looked_back, new["id"]]
