"""What a schedule in a configuration means, and what is refused."""

from __future__ import annotations

import json
import os

import pytest

from lake import cli
from lake.errors import UsageError
from lake.project import load_project
from lake.schedule.cron import Cron
from lake.schedule.entries import CommitTrigger, FileTrigger, load_entries
from lake.schedule.watches import FRESHNESS, load_schedules
from target_datalake.errors import ConfigError


@pytest.fixture
def entries(tmp_path):
    def load(*schedule, tap=True):
        path = tmp_path / "config.json"
        tap_section = {"tap": {}} if tap else {}
        document = {**tap_section, "target": {"path": "lake"}, "lake": {"schedule": list(schedule)}}
        path.write_text(json.dumps(document))
        return load_entries(load_project(path))

    return load


def test_an_entry_becomes_a_trigger_and_commands(entries, tmp_path):
    config = str(tmp_path / "config.json")
    nightly, some, anew = entries(
        {"name": "nightly", "cron": "0 3 * * *", "time_zone": "Europe/Berlin", "run": True, "build": True},
        {"name": "some", "cron": "@hourly", "run": ["orders", "-x"], "build": ["daily", "-y"]},
        {"name": "anew", "cron": "@monthly", "run": ["shops"], "full_refresh": True},
    )
    assert nightly.trigger == Cron("0 3 * * *", "Europe/Berlin")
    assert nightly.commands == (("run", "-c", config), ("build", "-c", config))
    assert some.commands == (
        ("run", "-c", config, "--stream", "orders", "--stream", "-x"),
        ("build", "-c", config, "--", "daily", "-y"),
    )
    assert anew.commands == (("run", "-c", config, "--full-refresh", "--stream", "shops"),)


def test_lake_understands_its_commands(tmp_path):
    schedule = [
        {"name": "nightly", "cron": "0 3 * * *", "run": ["-x"], "full_refresh": True, "build": ["-y", "daily"]},
    ]
    section = {"schedule": schedule, "freshness": {"orders": "24h"}, "notify": {"command": ["./alert.sh"]}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"tap": {}, "target": {"path": "lake"}, "lake": section}))
    ((_, (nightly, freshness)),) = load_schedules([load_project(path)])
    assert freshness.name == FRESHNESS
    for command in (*nightly.commands, *freshness.commands):
        context = cli.lake.commands[command[0]].make_context(command[0], list(command[1:]))
        assert str(path) in str(context.params)
    assert context.params["notify"]


def test_events(entries, tmp_path):
    local, s3, commit = entries(
        {"name": "local", "on": {"file": "inbox/*.csv"}, "run": True},
        {"name": "s3", "on": {"file": "s3://bucket/in/*.csv"}, "run": True},
        {"name": "commit", "on": {"commit": "landing.orders"}, "build": True},
    )
    assert local.trigger == FileTrigger(f"{tmp_path}/inbox/*.csv")
    assert s3.trigger == FileTrigger("s3://bucket/in/*.csv")
    assert commit.trigger == CommitTrigger("landing.orders")


def test_brackets_in_the_configurations_own_folder_are_no_wildcards(tmp_path):
    folder = tmp_path / "a[1]"
    (folder / "inbox").mkdir(parents=True)
    (folder / "inbox" / "x.csv").touch()
    schedule = [{"name": "local", "on": {"file": "inbox/*.csv"}, "run": True}]
    (folder / "config.json").write_text(
        json.dumps({"tap": {}, "target": {"path": "lake"}, "lake": {"schedule": schedule}})
    )
    from lake.schedule.arrivals import Buckets, look

    (local,) = load_entries(load_project(folder / "config.json"))
    assert list(look(local.trigger.pattern, Buckets({}))) == [os.fspath(folder / "inbox" / "x.csv")]


@pytest.mark.parametrize(
    ("entry", "message", "where"),
    [
        pytest.param({"cron": "@daily", "run": True}, 'the key "name" is missing', "/0", id="no name"),
        pytest.param({"name": "@x", "cron": "@daily", "run": True}, "pattern", "/0/name", id="a name with @"),
        pytest.param({"name": "x", "corn": "@daily"}, 'unknown key "corn"', "/0/corn", id="a key misspelt"),
        pytest.param({"name": "x", "run": True}, "neither a cron expression nor an event", "/0", id="no trigger"),
        pytest.param(
            {"name": "x", "cron": "@daily", "on": {"commit": "a"}, "run": True}, "both a cron", "/0", id="two triggers"
        ),
        pytest.param(
            {"name": "x", "on": {"file": "a", "commit": "b"}, "run": True}, "maxProperties", "/0/on", id="two events"
        ),
        pytest.param({"name": "x", "on": {"fil": "a"}, "run": True}, 'unknown key "fil"', "/0/on/fil", id="no event"),
        pytest.param({"name": "x", "cron": "@daily"}, "does nothing", "/0", id="no command"),
        pytest.param({"name": "x", "cron": "@daily", "run": False}, "does nothing", "/0", id="not to run"),
        pytest.param({"name": "x", "cron": "@daily", "run": []}, "minItems", "/0/run", id="no streams"),
        pytest.param({"name": "x", "cron": "@daily", "run": "orders"}, "expected", "/0/run", id="a bare name"),
        pytest.param(
            {"name": "x", "cron": "@daily", "build": True, "full_refresh": True}, "about a run", "/0", id="refresh"
        ),
        pytest.param(
            {"name": "x", "on": {"commit": "a"}, "build": True, "time_zone": "UTC"}, "about", "/0", id="a zone"
        ),
        pytest.param({"name": "x", "cron": "0 25 * * *", "run": True}, "bad hour", "/0/cron", id="no time"),
        pytest.param({"name": "x", "on": {"file": "s3://b/*.csv"}, "run": True}, "no folder", "/0/on", id="no prefix"),
        pytest.param({"name": "x", "on": {"file": "s3://b/*/a"}, "run": True}, "no folder", "/0/on", id="all folders"),
    ],
)
def test_what_would_be_ignored_or_cannot_be_is_refused(entries, entry, message, where):
    with pytest.raises((UsageError, ConfigError)) as caught:
        entries(entry)
    assert message in caught.value.message
    assert f"/lake/schedule{where}" in caught.value.where
    assert caught.value.exit_code == 2


def test_two_entries_of_one_name_are_refused(entries):
    entry = {"name": "x", "cron": "@daily", "run": True}
    with pytest.raises(UsageError, match="2 entries are named 'x'"):
        entries(entry, entry)


def test_a_run_needs_a_tap(entries):
    with pytest.raises(UsageError, match='"run" needs a "tap" section'):
        entries({"name": "x", "cron": "@daily", "run": True}, tap=False)
    assert entries({"name": "x", "cron": "@daily", "build": True}, tap=False)
