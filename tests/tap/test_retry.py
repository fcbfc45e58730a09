from __future__ import annotations

import pytest

from tap_rest_api.limits import Limits
from tap_rest_api.retry import Failure, is_retried_status, wait_seconds


@pytest.fixture(autouse=True)
def _real_backoff(monkeypatch: pytest.MonkeyPatch, _no_backoff: None) -> None:
    monkeypatch.setattr("tap_rest_api.retry._BASE_SECONDS", 0.5)


def wait(
    failure: Failure, attempt: int = 1, *, jitter: float = 1.0, answered: bool = True, **limits: float
) -> float | None:
    return wait_seconds(failure, attempt, Limits(**limits), jitter, answered=answered)


def test_waits_double_and_are_spread() -> None:
    reset = Failure("reset")
    assert [wait(reset, attempt) for attempt in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert [wait(reset, attempt, jitter=0) for attempt in (1, 2, 3, 4)] == [0.25, 0.5, 1, 2]


def test_waits_are_capped() -> None:
    assert wait(Failure("reset"), 60, retries=100, max_wait_seconds=30) == 30
    assert wait(Failure("429", 429, 1e20), max_wait_seconds=30) == 30


def test_it_gives_up_after_the_last_retry() -> None:
    assert wait(Failure("503", 503), 6) is not None
    assert wait(Failure("503", 503), 7) is None
    assert wait(Failure("503", 503), 1, retries=0) is None


def test_an_unreachable_host_is_given_up_early_unless_it_has_answered_before() -> None:
    nobody = Failure("no connection", unreachable=True)
    assert wait(nobody, 2, answered=False) is not None
    assert wait(nobody, 3, answered=False) is None
    assert wait(nobody, 3, answered=True) is not None


def test_the_server_says_how_long() -> None:
    assert wait(Failure("429", 429, 7), 5) == 7


def test_a_rule_says_how_often() -> None:
    assert wait(Failure("404", 404, retries=1), 1) is not None
    assert wait(Failure("404", 404, retries=1), 2) is None
    assert wait(Failure("404", 404, retries=0), 1) is None
    assert wait(Failure("404", 404, retries=9), 9, retries=0) is not None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_statuses_that_may_pass(status: int) -> None:
    assert is_retried_status(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 410, 422])
def test_statuses_that_stay(status: int) -> None:
    assert not is_retried_status(status)
