from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tap_rest_api.server_time import parse_http_date, server_time

OURS = datetime(2024, 1, 31, 12, tzinfo=UTC)


def test_the_time_is_the_servers_less_what_the_exchange_took() -> None:
    date = "Wed, 31 Jan 2024 10:00:05 GMT"
    assert server_time(date, OURS, OURS + timedelta(seconds=5)) == datetime(2024, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Jan 2024 10:00:05 GMT"])
def test_without_a_date_our_own_time_has_to_do(date: str) -> None:
    assert server_time(date, OURS, OURS + timedelta(seconds=5)) == OURS


def test_a_date_is_read_as_utc() -> None:
    assert parse_http_date("Wed, 31 Jan 2024 10:00:05 -0000") == datetime(2024, 1, 31, 10, 0, 5, tzinfo=UTC)
