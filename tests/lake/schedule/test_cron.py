"""Cron expressions against an oracle that walks every minute of a year's wall clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from lake.errors import UsageError
from lake.schedule.cron import Cron, parse_cron

ZONES = """
    UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Moscow Europe/Chisinau Atlantic/Azores
    America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles America/St_Johns America/Havana
    America/Sao_Paulo America/Santiago America/Asuncion America/Nuuk Africa/Cairo Africa/Casablanca Asia/Beirut
    Asia/Kolkata Asia/Kathmandu Asia/Tokyo Asia/Jerusalem Australia/Sydney Australia/Lord_Howe Pacific/Auckland
    Pacific/Chatham
""".split()

AT_MIDNIGHT = "America/Havana America/Asuncion America/Santiago Africa/Cairo Asia/Beirut Atlantic/Azores".split()
"""Where clocks change, or did, at midnight."""

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 366


def due_between(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    cron, found = Cron(expression, zone), [start]
    while (following := cron.next_after(found[-1])) and following <= end:
        found.append(following)
    return found[1:]


def first_real_minute(naive: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment when a wall clock shows a time for the first time, or the first one after the gap around it."""
    while True:
        moment = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == naive:
            return moment
        naive += timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zone", "hour", "minute"), [*((zone, 2, 30) for zone in ZONES), *((zone, 0, 0) for zone in AT_MIDNIGHT)]
)
def test_a_daily_time_comes_once_a_day_whatever_the_clocks_do(zone, hour, minute):
    here = ZoneInfo(zone)
    first = START.replace(tzinfo=None, hour=hour, minute=minute) - timedelta(days=2)
    times = (first + timedelta(days=n) for n in range(DAYS + 4))
    expected = [first_real_minute(naive, here) for naive in times]
    end = START + timedelta(days=DAYS)
    assert due_between(f"{minute} {hour} * * *", zone, START, end) == [each for each in expected if START < each <= end]


@pytest.mark.parametrize("zone", ZONES)
def test_an_hourly_time_comes_each_hour_that_passes(zone):
    """Where the clocks change by half an hour (Lord Howe), the hour with the change has half or one and a half."""
    here = ZoneInfo(zone)
    days = [START + timedelta(days=n) for n in range(DAYS)]
    changes = [
        day
        for day in days
        if (day + timedelta(days=1)).astimezone(here).utcoffset() != day.astimezone(here).utcoffset()
    ]
    assert len(changes) in {0, 2, 4}, changes
    for day in changes:
        found = due_between("0 * * * *", zone, day - timedelta(hours=2), day + timedelta(hours=26))
        gaps = {(after - before).total_seconds() / 60 for before, after in pairwise(found)}
        assert gaps <= ({60, 30, 90} if zone == "Australia/Lord_Howe" else {60})


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        pytest.param("30 2 * * *", "Europe/Berlin", "2025-03-30T00:59:00Z", "2025-03-30T01:00:00Z", id="skipped"),
        pytest.param(
            "0,30 2 * * *", "Europe/Berlin", "2025-03-30T01:00:00Z", "2025-03-31T00:00:00Z", id="skipped once"
        ),
        pytest.param("30 2 * * *", "Europe/Berlin", "2025-10-25T23:59:00Z", "2025-10-26T00:30:00Z", id="doubled"),
        pytest.param("30 2 * * *", "Europe/Berlin", "2025-10-26T01:10:00Z", "2025-10-27T01:30:00Z", id="doubled once"),
        pytest.param("0 9 * * 1", "UTC", "2025-06-01T00:00:00Z", "2025-06-02T09:00:00Z", id="1 is Monday"),
        pytest.param("0 9 * * 7", "UTC", "2025-06-02T00:00:00Z", "2025-06-08T09:00:00Z", id="7 is Sunday"),
        pytest.param("0 9 13 * 5", "UTC", "2025-06-01T00:00:00Z", "2025-06-06T09:00:00Z", id="day or day of the week"),
        pytest.param("0 0 29 2 *", "UTC", "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z", id="leap day"),
        pytest.param("*/15 * * * *", "UTC", "2025-01-01T00:00:59.5Z", "2025-01-01T00:15:00Z", id="parts of a second"),
        pytest.param("0 0 L * *", "UTC", "2025-02-01T00:00:00Z", "2025-02-28T00:00:00Z", id="last day"),
    ],
)
def test_the_next_time(expression, zone, after, due):
    assert Cron(expression, zone).next_after(datetime.fromisoformat(after)) == datetime.fromisoformat(due)


def test_the_machines_own_zone_is_of_no_matter(monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        found = Cron("0 3 * * *", "America/New_York").next_after(datetime(2025, 7, 1, 12, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == datetime(2025, 7, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "message", "fix"),
    [
        ("0 3 * *", "UTC", "has 4 fields, not five", "minute, hour"),
        ("0 0 3 * * *", "UTC", "has 6 fields, not five", "minute, hour"),
        ("@dayly", "UTC", "has 1 fields, not five", "did you mean @daily?"),
        ("61 3 * * *", "UTC", "has a bad minute", "0-59"),
        ("0 24 * * *", "UTC", "has a bad hour", "0-23"),
        ("0 3 * * MOO", "UTC", "has a bad day-of-week", "0-7"),
        ("0 3 30 2 *", "UTC", "has a bad day", "1-31"),
        ("0 3 1-0 * *", "UTC", "has a bad day", "1-31"),
        ("0 3 * * *", "Europe/Berln", "there is no time zone 'Europe/Berln'", "did you mean 'Europe/Berlin'?"),
        ("0 3 * * *", "Europe", "there is no time zone 'Europe'", ""),
        ("0 3 * * *", "../etc", "there is no time zone '../etc'", ""),
        ("0 3 * * *", "\0", "there is no time zone", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(expression, zone, message, fix):
    with pytest.raises(UsageError) as caught:
        parse_cron(expression, zone, "config.json /lake/schedule/0")
    assert message in caught.value.message
    assert fix in caught.value.fix
    assert caught.value.where.startswith("config.json /lake/schedule/0/")


def test_the_short_names():
    assert parse_cron("@Daily", "UTC", "") == Cron("0 0 * * *")
    assert parse_cron("@weekly", "UTC", "").expression == "0 0 * * 0"
