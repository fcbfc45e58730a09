from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tap_rest_api.quota import Quota, parse_quota, parse_retry_after, parse_wait

NOW = datetime(2024, 1, 31, 12, 0, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


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
        ("1.5", 1.5),
        ("٣", None),
        ("99999999999999999999", 1e20),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({"ratelimit": '"default";r=50;t=30'}, Quota(50, None, 30)),
        ({"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'}, Quota(50, 100, 30)),
        ({"ratelimit": "default;t=30;r=0"}, Quota(0, None, 30)),
        (
            {
                "ratelimit": '"sec";r=9;t=1, "day";r=5;t=3600',
                "ratelimit-policy": '"sec";q=10;w=1, "day";q=1000;w=86400',
            },
            Quota(5, 1000, 3600),
        ),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, Quota(50, 100, 30)),
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7", "ratelimit-reset": "12"}, Quota(7, 100, 12)),
        (
            {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 90)},
            Quota(0, 60, 90),
        ),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": str(EPOCH * 1000 + 1500)}, Quota(3, None, 1.5)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "45"}, Quota(3, None, 45)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset-after": "0.25"}, Quota(3, None, 0.25)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "2024-01-31T12:00:20Z"}, Quota(3, None, 20)),
        ({"x-rate-limit-remaining": "3", "x-rate-limit-reset": str(EPOCH - 5)}, Quota(3, None, 0)),
        ({"x-ratelimit-remaining": "3"}, Quota(3, None, None)),
        ({"x-ratelimit-remaining": "many"}, None),
        ({"x-ratelimit-limit": "60"}, None),
        ({"ratelimit": "nonsense"}, None),
        ({}, None),
    ],
    ids=lambda value: next(iter(value.values()), "nothing") if isinstance(value, dict) else "",
)
def test_every_way_to_announce_a_quota_is_read(headers: dict[str, str], quota: Quota | None) -> None:
    assert parse_quota(headers, NOW) == quota


def test_a_reset_is_a_time_on_the_servers_clock() -> None:
    """Our clock may be wrong by an hour; the Date header tells."""
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(EPOCH + 3690),
        "date": "Wed, 31 Jan 2024 13:00:00 GMT",
    }
    assert parse_quota(headers, NOW) == Quota(0, None, 90)
    assert parse_wait({"retry-after": "Wed, 31 Jan 2024 13:00:07 GMT", "date": headers["date"]}, NOW) == 7


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3", "ratelimit": "r=0;t=60"}, 3),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "60"}, 60),
        ({"ratelimit-remaining": "5", "ratelimit-reset": "60"}, None),
        ({"ratelimit-remaining": "0"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_said_outright_or_by_a_spent_quota(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_wait(headers, NOW) == seconds
