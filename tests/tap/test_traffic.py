"""How fast the API is asked, and how its own word on that is heeded: rates, quotas, pauses, several tokens."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.auth_options import to_auth
from tap_rest_api.error_rules import ErrorRule
from tap_rest_api.errors import CredentialsError, RefusedError
from tap_rest_api.limits import Limits, Rate, to_rates
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.test_client import World, get, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.fake_api import Seen

POOL = to_auth({"type": "bearer", "token": ["one", "two", "three"]})


@pytest.fixture(autouse=True)
def _real_backoff(monkeypatch: pytest.MonkeyPatch, _no_backoff: None) -> None:
    monkeypatch.setattr("tap_rest_api.retry._BASE_SECONDS", 0.5)


def token_of(seen: Seen) -> str:
    return seen.headers["authorization"].removeprefix("Bearer ")


def in_threads(count: int, call: Callable[[], Any]) -> list[Any]:
    """Make a call from so many threads at once; return what they return or raise."""
    outcomes: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(call())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def test_requests_keep_the_rate_so_that_the_api_never_has_to_refuse() -> None:
    with FakeApi(lambda _: Reply([1])) as api:
        world = World(api.url)
        for _ in range(7):
            world.fetch(get(f"{api.url}/"), limits=Limits(rates=(Rate(3, 10),)))
    assert world.slept == [10, 10]
    assert world.client.traffic["items"].waited_seconds == 20
    assert world.client.traffic["items"].retries == 0


def test_streams_share_the_rate_at_the_top_and_keep_their_own_by_themselves() -> None:
    shared = to_rates("2/min")
    with FakeApi(lambda _: Reply([1])) as api:
        world = World(api.url, rates=shared)
        for name in ("a", "b", "c"):
            world.fetch(get(f"{api.url}/"), name=name, limits=Limits(rates=shared))
        assert world.slept == [60]
        for name in ("d", "e"):
            world.fetch(get(f"{api.url}/"), name=name, limits=Limits(rates=to_rates("1/h")))
    assert world.slept == [60]


def test_a_retry_keeps_the_rate_as_well() -> None:
    with FakeApi(replies(Reply({}, 503, {"Retry-After": "2"}), Reply([1]))) as api:
        world = World(api.url)
        world.fetch(get(f"{api.url}/"), limits=Limits(rates=(Rate(1, 10),)))
    assert world.slept == [2, 8]


class Window:
    """An API that allows so many requests a minute, says so, and refuses more."""

    def __init__(self, world: World, limit: int, headers: str = "ratelimit") -> None:
        self.world, self.limit, self.headers = world, limit, headers
        self.ends = self.used = 0.0
        self.least = float(limit)
        self.refused = 0
        self.lock = threading.Lock()

    def __call__(self, _: Seen) -> Reply:
        with self.lock:
            if self.world.time >= self.ends:
                self.ends, self.used = self.world.time + 60, 0
            reset = self.ends - self.world.time
            if self.used >= self.limit:
                self.refused += 1
                return Reply({}, 429, {"Retry-After": str(reset)})
            self.used += 1
            self.least = min(self.least, self.limit - self.used)
            return Reply([1], headers=self._announce(self.limit - self.used, reset))

    def _announce(self, left: float, reset: float) -> dict[str, str]:
        if self.headers == "ratelimit":
            return {"RateLimit": f'"d";r={left:.0f};t={reset:.0f}', "RateLimit-Policy": f'"d";q={self.limit};w=60'}
        names = {"Limit": self.limit, "Remaining": int(left), "Reset": math.ceil(time.time() + reset)}  # as in Date
        return {f"X-RateLimit-{name}": str(value) for name, value in names.items()}


@pytest.mark.parametrize("headers", ["ratelimit", "x"])
@pytest.mark.parametrize(("reserve", "least"), [(0.0, 0), (0.3, 3)])
def test_an_announced_quota_is_never_overdrawn_and_the_reserve_is_left(
    headers: str, reserve: float, least: int
) -> None:
    with FakeApi(lambda _: Reply()) as api:
        world = World(api.url)
        api.route = window = Window(world, 10, headers)
        for _ in range(25):
            world.fetch(get(f"{api.url}/"), limits=Limits(reserve=reserve))
    assert (window.refused, window.least) == (0, least)
    assert sum(world.slept) == pytest.approx(120 if reserve == 0 else 180, abs=6)


def test_eight_requests_in_flight_leave_the_reserve_too() -> None:
    with FakeApi(lambda _: Reply()) as api:
        world = World(api.url)
        api.route = window = Window(world, 40)
        world.fetch(get(f"{api.url}/"))
        in_threads(8, lambda: [world.fetch(get(f"{api.url}/"), limits=Limits(reserve=0.25)) for _ in range(10)])
    assert len(api.seen) == 81
    assert window.refused == 0
    assert window.least >= 10


def test_a_quota_that_resets_in_a_year_is_waited_for_no_longer_than_max_wait() -> None:
    spent = {"RateLimit": "d;r=0;t=31536000"}
    with FakeApi(lambda _: Reply([1], headers=spent)) as api:
        world = World(api.url)
        for _ in range(3):
            world.fetch(get(f"{api.url}/"), limits=Limits(max_wait_seconds=30))
    assert world.slept == [30, 30]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "99999999999999999999999"}, 300),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, 0.5),
        ({"RateLimit": '"d";r=0;t=12'}, 12),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "33"}, 33),
        ({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "33"}, 0.5),
        ({}, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_is_waited_out_as_its_headers_say(headers: dict[str, str], seconds: float, status: int) -> None:
    with FakeApi(replies(Reply({}, status, headers), Reply([1]))) as api:
        world = World(api.url)
        assert world.fetch(get(f"{api.url}/")).page == [1]
    assert sum(world.slept) == seconds


def test_a_403_that_says_when_to_come_back_is_a_rate_limit() -> None:
    with FakeApi(replies(Reply({}, 403, {"Retry-After": "9"}), Reply([1]), Reply({}, 403))) as api:
        world = World(api.url)
        assert world.fetch(get(f"{api.url}/")).page == [1]
        assert world.slept == [9]
        with pytest.raises(CredentialsError):
            world.fetch(get(f"{api.url}/"))


def test_while_one_request_waits_out_a_429_the_others_wait_with_it() -> None:
    refusing = threading.Event()

    def route(_: Seen) -> Reply:
        if not refusing.is_set():
            refusing.set()
            return Reply({}, 429, {"Retry-After": "20"})
        return Reply([1])

    with FakeApi(route) as api:
        world = World(api.url)
        world.fetch(get(f"{api.url}/"))
        assert world.slept == [20]
        refusing.clear()
        assert all(answer.page == [1] for answer in in_threads(4, lambda: world.fetch(get(f"{api.url}/"))))
    assert len(api.seen) <= 2 + 4 + 1


def test_several_tokens_are_used_by_what_the_api_leaves_each() -> None:
    left = {"one": 2, "two": 5, "three": 3}

    def route(seen: Seen) -> Reply:
        token = token_of(seen)
        if left[token] == 0:
            return Reply({}, 429, {"Retry-After": "60"})
        left[token] -= 1
        return Reply([1], headers={"RateLimit": f"d;r={left[token]};t=60"})

    with FakeApi(route) as api:
        world = World(api.url)
        for _ in range(10):
            world.fetch(get(f"{api.url}/"), auth=POOL)
    assert (left, world.slept) == ({"one": 0, "two": 0, "three": 0}, [])


def test_a_token_that_is_refused_for_now_gives_way_to_the_next_at_once() -> None:
    busy = {"one": 30, "two": 20, "three": 10}

    def route(seen: Seen) -> Reply:
        token = token_of(seen)
        return Reply({}, 429, {"Retry-After": str(busy[token])}) if busy[token] else Reply([1])

    with FakeApi(route) as api:
        world = World(api.url)
        busy["two"] = 0
        assert world.fetch(get(f"{api.url}/"), auth=POOL).page == [1]
        assert world.slept == [0]
        busy["two"], busy["three"] = 20, 0
        assert world.fetch(get(f"{api.url}/"), auth=POOL, limits=Limits(retries=0)).page == [1]
    assert [token_of(seen) for seen in api.seen] == ["one", "two", "two", "three"]


def test_tokens_that_are_all_refused_are_waited_for() -> None:
    refusals = {"one": [40], "two": [20], "three": [30]}

    def route(seen: Seen) -> Reply:
        waiting = refusals[token_of(seen)]
        return Reply({}, 429, {"Retry-After": str(waiting.pop())}) if waiting else Reply([1])

    with FakeApi(route) as api:
        world = World(api.url)
        assert world.fetch(get(f"{api.url}/"), auth=POOL).page == [1]
    assert [token_of(seen) for seen in api.seen] == ["one", "two", "three", "two"]
    assert sum(world.slept) == 30


@pytest.mark.parametrize(
    ("rule", "answer", "slept"),
    [
        (ErrorRule("retry", (200,), "error", wait="error.retry_in"), {"error": {"retry_in": 4}}, 4),
        (ErrorRule("retry", (200,), "error", wait="error.retry_in"), {"error": {"retry_in": "2.5"}}, 2.5),
        (ErrorRule("retry", (200,), "error", wait="error.retry_in"), {"error": {"retry_in": -3}}, 0),
        (ErrorRule("retry", (200,), "error", wait="error.retry_in"), {"error": {"why": 1}}, 0.5),
        (ErrorRule("retry", (200,), "error", wait="error.retry_in"), {"error": {"retry_in": 10**9}}, 300),
        (ErrorRule("retry", (200,), "error", wait=11), {"error": 1}, 11),
    ],
    ids=["number", "text", "negative", "absent", "absurd", "its own"],
)
def test_a_rule_waits_as_the_body_says(rule: ErrorRule, answer: Any, slept: float) -> None:
    with FakeApi(replies(Reply(answer), Reply([1]))) as api:
        world = World(api.url)
        assert world.fetch(get(f"{api.url}/"), errors=(rule,)).page == [1]
    assert sum(world.slept) == slept


def test_a_rules_own_retries_hold_for_its_answers() -> None:
    rule = ErrorRule("retry", (404,), wait=0, retries=2)
    with FakeApi(lambda _: Reply({}, 404)) as api, pytest.raises(RefusedError, match="after 3 tries"):
        World(api.url).fetch(get(f"{api.url}/"), errors=(rule,))
    assert len(api.seen) == 3


@pytest.mark.parametrize("verb", ["end", "skip", "shrink", "split", "reset"])
def test_what_the_walk_has_to_do_is_handed_on(verb: str) -> None:
    with FakeApi(lambda _: Reply({}, 500)) as api:
        answer = World(api.url).fetch(get(f"{api.url}/"), errors=(ErrorRule(verb, ("5xx",)),))
    assert (answer.action, answer.page, len(api.seen)) == (verb, None, 1)


def test_a_rule_words_its_failure() -> None:
    rule = ErrorRule("fail", (409,), message="the export is not ready; start it first")
    with FakeApi(lambda _: Reply({"x": 1}, 409)) as api, pytest.raises(RefusedError) as caught:
        World(api.url).fetch(get(f"{api.url}/"), errors=(rule,))
    assert caught.value.message.startswith("the export is not ready; start it first: the API answered 409 Conflict")
