"""A schedule as crontab lines."""

from __future__ import annotations

import shlex

import pytest

from lake.schedule.cron import Cron
from lake.schedule.crontab import find_local_zone, to_crontab
from lake.schedule.entries import CommitTrigger, Entry, FileTrigger

LAKE = ["/srv/shop/.venv/bin/lake"]


def lines(*entries: Entry, zone: str = "UTC") -> list[str]:
    text = to_crontab(entries, LAKE, zone)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_an_entry_is_a_line():
    entry = Entry("nightly", Cron("0 3 * * *"), (("run", "-c", "/srv/a b.json"), ("build", "-c", "/srv/a b.json")))
    (line,) = lines(entry)
    run, build = line.split(" && ")
    assert run == "0 3 * * * /srv/shop/.venv/bin/lake run -c '/srv/a b.json' --quiet"
    assert build == "/srv/shop/.venv/bin/lake build -c '/srv/a b.json' --quiet"


def test_other_zones_stand_below_their_cron_tz():
    here = Entry("here", Cron("0 1 * * *", "Europe/Berlin"), (("run",),))
    there = Entry("there", Cron("0 2 * * *", "Asia/Tokyo"), (("run",),))
    found = lines(there, here, zone="Europe/Berlin")
    assert [line.split(" /")[0] for line in found] == ["0 1 * * *", "CRON_TZ=Asia/Tokyo", "0 2 * * *"]
    unknown = lines(here, there, zone="")
    assert [line for line in unknown if line.startswith("CRON_TZ")] == ["CRON_TZ=Asia/Tokyo", "CRON_TZ=Europe/Berlin"]


def test_a_percent_sign_is_no_line_break():
    entry = Entry("x", Cron("0 1 * * *"), (("run", "--stream", "50%", "--stream", "it's"),))
    (line,) = lines(entry)
    assert "\\%" in line
    assert shlex.split(line.replace("\\%", "%"))[-4:] == ["50%", "--stream", "it's", "--quiet"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("x", FileTrigger("/in/*.csv"), (("run",),)), "file /in/*.csv is no time"),
        (Entry("x", CommitTrigger("landing.a"), (("run",),)), "commit landing.a is no time"),
        (Entry("x", Cron("0 0 L * *"), (("run",),)), "cron knows no L, LW or #"),
        (Entry("x", Cron("0 0 * * 1#2"), (("run",),)), "cron knows no L, LW or #"),
        (Entry("x", Cron("0 0 * * 5L"), (("run",),)), "cron knows no L, LW or #"),
        (Entry("x", Cron("0 0 * * *"), (("run", "--stream", "a\n* * * * * b"),)), "line break"),
    ],
)
def test_what_cron_cannot_express_is_a_comment(entry, reason):
    assert lines(entry) == []
    assert reason in to_crontab([entry], LAKE, "UTC")


def test_july_is_no_last_day():
    assert lines(Entry("x", Cron("0 0 1 JUL *"), (("run",),)))


def test_the_machines_zone(tmp_path):
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert find_local_zone({}, link) == "Europe/Berlin"
    assert find_local_zone({"TZ": ":Asia/Tokyo"}, link) == "Asia/Tokyo"
    assert find_local_zone({}, tmp_path / "nothing") == ""
    link.unlink()
    link.symlink_to("/usr/share/zoneinfo/Etc/UTC")
    assert find_local_zone({}, link) == "UTC"
