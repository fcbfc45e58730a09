from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tap_rest_api.error_rules import ErrorRule, matches_status
from tap_rest_api.limits import Limits
from tap_rest_api.retry import Failure, is_retried_status, parse_retry_after, wait_seconds

NOW = datetime(2024, 1, 31, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _real_backoff(monkeypatch: pytest.MonkeyPatch, _no_backoff: None) -> None:
    monkeypatch.setattr("tap_rest_api.retry._BASE_SECONDS", 0.5)


def wait(
    failure: Failure, attempt: int = 1, *, jitter: float = 1.0, answered: bool = True, **limits: float
) -> float | None:
    return wait_seconds(failure, attempt, Limits(**limits), NOW, jitter, answered=answered)


def test_waits_double_and_are_spread() -> None:
    reset = Failure("reset")
    assert [wait(reset, attempt) for attempt in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert [wait(reset, attempt, jitter=0) for attempt in (1, 2, 3, 4)] == [0.25, 0.5, 1, 2]


def test_waits_are_capped() -> None:
    assert wait(Failure("reset"), 60, retries=100, max_wait_seconds=30) == 30
    assert wait(Failure("429", 429, "99999999999999999999"), max_wait_seconds=30) == 30


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
    assert wait(Failure("429", 429, "7"), 5) == 7


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("Wed, 31 Jan 2024 12:00:30 GMT", 30),
        ("Wed, 31 Jan 2024 13:00:30 +0100", 30),
        ("Wed, 31 Jan 2024 11:00:00 GMT", 0),
        ("Wednesday, 31-Jan-24 12:00:10 GMT", 10),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_statuses_that_may_pass(status: int) -> None:
    assert is_retried_status(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 410, 422])
def test_statuses_that_stay(status: int) -> None:
    assert not is_retried_status(status)


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        (ErrorRule("skip", (404, 410)), [404, 410], [400, 200]),
        (ErrorRule("skip", ("4xx",)), [400, 499], [500, 200]),
        (ErrorRule("skip", ("503",)), [503], [500]),
        (ErrorRule("skip"), [400, 500], [200]),
        (ErrorRule("retry", (), "error"), [200, 400], []),
    ],
    ids=["numbers", "class", "text", "any error", "any body"],
)
def test_a_rule_names_the_statuses_it_speaks_of(rule: ErrorRule, matching: list[int], other: list[int]) -> None:
    assert all(matches_status(rule, status) for status in matching)
    assert not any(matches_status(rule, status) for status in other)
