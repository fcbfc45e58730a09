from __future__ import annotations

import random
import threading

import pytest

from tap_rest_api.limits import Rate, to_rates
from tap_rest_api.pace import Pace


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("80/min", (Rate(80, 60),)),
        ("100/15min", (Rate(100, 900),)),
        (["5/s", "20000/d"], (Rate(5, 1), Rate(20000, 86400))),
        ("1/2h", (Rate(1, 7200),)),
    ],
)
def test_a_rate_is_so_many_requests_in_some_time(text: str | list[str], rates: tuple[Rate, ...]) -> None:
    assert to_rates(text) == rates


def test_what_a_rate_allows_goes_at_once_and_the_rest_waits() -> None:
    pace = Pace([Rate(3, 10)])
    assert [pace.book(100) for _ in range(7)] == [0, 0, 0, 10, 10, 10, 20]
    assert pace.book(125) == 0


def test_no_span_of_time_holds_more_than_every_rate_allows() -> None:
    rates = [Rate(3, 1), Rate(20, 30), Rate(50, 200)]
    pace, draw, now = Pace(rates), random.Random(7), 0.0
    sent = []
    for _ in range(400):
        now += draw.choice([0, 0, 0.1, 0.7, 5])
        sent.append(round(now + pace.book(now), 6))
    assert sent == sorted(sent)
    for rate in rates:
        assert all(
            later - earlier >= rate.seconds - 1e-5 for earlier, later in zip(sent, sent[rate.count :], strict=False)
        )


def test_threads_that_ask_at_once_get_moments_of_their_own() -> None:
    pace, seconds = Pace([Rate(2, 1)]), []
    threads = [threading.Thread(target=lambda: seconds.append(pace.book(0))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seconds) == [number // 2 for number in range(16)]
