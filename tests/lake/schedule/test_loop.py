"""The scheduler's promises, in a world in which a day passes at once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from lake.schedule.arrivals import Found
from lake.schedule.cron import Cron
from lake.schedule.due import MAX_FILES_BYTES
from lake.schedule.entries import CommitTrigger, Entry, FileTrigger
from target_datalake.errors import StorageError
from tests.lake.schedule.world import START, Play
from tests.lake.writer import Part, numbered

RUN, BUILD = ("run", "-c", "c.json"), ("build", "-c", "c.json")

HOURLY = Entry("hourly", Cron("0 * * * *"), (RUN,))
NIGHTLY = Entry("nightly", Cron("0 3 * * *"), (RUN, BUILD))
INBOX = Entry("inbox", FileTrigger("/inbox/*.csv"), (RUN,))
REFINE = Entry("refine", CommitTrigger("landing.orders"), (BUILD,))


@pytest.fixture
def play(tmp_path):
    return lambda *entries: Play(tmp_path / "config.json", list(entries))


def test_an_entry_runs_when_it_is_due_and_not_before(play):
    day = play(HOURLY)
    assert day.run(hours=3.5) == 143
    assert day.world.times() == ["01-01 13:00:00", "01-01 14:00:00", "01-01 15:00:00"]


def test_a_day_without_anything_due_is_mostly_slept(play):
    day = play(Entry("yearly", Cron("0 0 1 6 *"), (RUN,)))
    day.run(hours=24)
    assert day.world.started == []
    assert day.world.waits <= 24 * 60 + 1


def test_a_command_follows_only_one_that_succeeded(play):
    day = play(NIGHTLY)
    day.run(hours=20)
    assert [arguments[0] for *_, arguments, _ in day.world.started] == ["run", "build"]
    day.world.codes.append(4)
    day.run(hours=24)
    assert [arguments[0] for *_, arguments, _ in day.world.started] == ["run", "build", "run"]
    assert day.failures == [("shop: nightly", 4)]
    assert "shop: nightly: failed with exit code 4 after 1.0 s" in day.said


def test_a_failure_does_not_end_the_schedule(play):
    day = play(HOURLY)
    day.world.codes.extend([1, 137])
    day.run(hours=3.5)
    assert len(day.world.started) == 3
    assert day.failures == [("shop: hourly", 1), ("shop: hourly", 137)]


def test_what_was_missed_while_it_was_down_is_caught_up_once(play):
    day = play(HOURLY)
    day.run(hours=1.5)
    day.world.time += timedelta(days=3)
    day.run(hours=1)
    assert day.world.times() == ["01-01 13:00:00", "01-04 13:30:00", "01-04 14:00:00"]
    assert "shop: hourly: due since 2025-01-01 14:00Z" in day.said


def test_what_was_missed_while_the_machine_slept_is_caught_up_once(play):
    day = play(HOURLY)
    wait = day.world.wait

    def wait_and_sleep_once(seconds):
        happening = wait(seconds)
        if day.world.time < START + timedelta(minutes=30):
            day.world.time += timedelta(hours=5)
        return happening

    day.world.wait = wait_and_sleep_once
    day.run(hours=6.5)
    assert day.world.times() == ["01-01 17:01:00", "01-01 18:00:00"]


def test_an_entry_never_overlaps_itself_and_others_go_on(play):
    day = play(HOURLY, Entry("other", Cron("30 * * * *"), (BUILD,)))
    day.world.takes = 2.5 * 3600
    day.run(hours=6)
    assert [(job, f"{time:%H:%M}") for time, job, *_ in day.world.started] == [
        ("shop: other", "12:30"),
        ("shop: hourly", "13:00"),
        ("shop: other", "15:30"),
        ("shop: hourly", "16:00"),
    ]
    assert "shop: hourly: let pass what came due meanwhile, since 2025-01-01 14:00Z" in day.said


def test_the_first_start_catches_nothing_up(play):
    day = play(HOURLY)
    day.run(hours=0.5)
    assert day.world.started == []


def test_another_expression_begins_anew(play):
    day = play(Entry("job", Cron("0 0 1 * *"), (RUN,)))
    day.run(hours=1)
    day.world.time += timedelta(days=2)
    day.entries = [Entry("job", Cron("0 9 * * *"), (RUN,))]
    day.run(hours=1)
    assert day.world.started == []


def test_a_held_source_is_skipped_with_a_message_and_is_no_failure(play):
    day = play(HOURLY)
    day.world.codes.append(7)
    day.run(hours=2.5)
    assert len(day.world.started) == 2
    assert day.failures == []
    assert "shop: hourly: skipped, since another run holds the source" in day.said


def test_an_event_waits_while_its_source_is_held(play):
    day = play(INBOX)
    day.look.found = {"/inbox/a.csv": Found("1", 0.0)}
    day.world.codes.extend([7, 7])
    day.run(hours=1)
    assert day.world.times() == ["01-01 12:00:00", "01-01 12:01:01", "01-01 12:02:02"]
    assert json.loads(day.world.started[-1][3]["LAKE_FILES"]) == ["/inbox/a.csv"]


def test_a_job_that_the_system_cannot_start_is_tried_again(play):
    day = play(HOURLY)
    day.world.codes.append(-1)
    day.run(hours=1.5)
    assert day.world.times() == ["01-01 13:01:00"]
    assert any("Resource temporarily unavailable" in line for line in day.said)


def test_each_file_starts_one_job_across_restarts(play):
    day = play(INBOX)
    day.look.found = {"/inbox/a.csv": Found("1", 0.0), "/inbox/b.csv": Found("1", 0.0)}
    day.run(hours=1)
    day.run(hours=1)
    ((_, _, arguments, told),) = day.world.started
    assert arguments == RUN
    assert told == {"LAKE_ENTRY": "inbox", "LAKE_FILES": '["/inbox/a.csv", "/inbox/b.csv"]'}


def test_a_file_that_is_replaced_has_arrived_again(play):
    day = play(INBOX)
    day.look.found = {"/inbox/a.csv": Found("1", 0.0)}
    day.run(hours=1)
    day.look.found = {"/inbox/a.csv": Found("2", 0.0)}
    day.run(hours=1)
    assert len(day.world.started) == 2


def test_a_file_of_a_job_that_was_stopped_comes_again(play):
    day = play(INBOX)
    day.look.found = {"/inbox/a.csv": Found("1", 0.0)}
    day.world.takes = 7200
    day.run(hours=1)
    assert day.world.signals == [15]
    day.world.takes = 1
    day.run(hours=1)
    assert len(day.world.started) == 2


def test_files_that_no_variable_holds_come_in_several_jobs(play):
    day = play(INBOX)
    day.look.found = {f"/inbox/{'x' * 200}{n:04}.csv": Found("1", 0.0) for n in range(1000)}
    day.run(hours=1)
    told = [json.loads(told["LAKE_FILES"]) for *_, told in day.world.started]
    assert [name for names in told for name in names] == sorted(day.look.found)
    assert max(len(json.dumps(names)) for names in told) <= MAX_FILES_BYTES


def test_a_commit_starts_the_entries_that_wait_for_its_dataset(play, local_lake):
    day = play(REFINE, Entry("shops", CommitTrigger("landing.shop.shops"), (BUILD,)))
    day.look.commits = {"shop": [local_lake.commit(Part(numbered(1)))]}
    day.run(hours=1)
    assert day.world.started == []  # what was there before the first start is not new
    day.look.commits["shop"].append(local_lake.commit(Part(numbered(2), stream="shops")))
    day.run(hours=1)
    assert day.world.jobs() == ["shop: shops"]
    day.look.commits["shop"].append(local_lake.commit(Part(numbered(2))))
    day.look.commits["shop"].append(local_lake.commit(Part(numbered(3))))
    day.run(hours=1)
    day.run(hours=1)
    assert day.world.jobs() == ["shop: shops", "shop: refine"]


def test_once_runs_what_is_due_and_what_that_makes_due_and_leaves(play, local_lake):
    day = play(HOURLY, REFINE, Entry("fails", Cron("*/5 * * * *"), (RUN,)))
    day.look.commits = {"shop": []}
    assert day.run(once=True) == 0
    day.world.time += timedelta(hours=2)
    start = day.world.start

    def start_and_commit(job, *arguments, **more):
        start(job, *arguments, **more)
        if job == "shop: hourly":
            day.look.commits["shop"].append(local_lake.commit(Part(numbered(1))))

    day.world.start = start_and_commit
    day.world.codes.extend([0, 0, 5])
    assert day.run(once=True) == 5
    assert sorted(day.world.jobs()) == ["shop: fails", "shop: hourly", "shop: refine"]
    assert day.run(once=True) == 0
    assert len(day.world.started) == 3


def test_once_with_a_held_source_leaves(play):
    day = play(HOURLY)
    day.run(once=True)
    day.world.time += timedelta(hours=1)
    day.world.codes.append(7)
    assert day.run(once=True) == 0
    assert len(day.world.started) == 1


def test_a_signal_ends_the_jobs_and_waits_for_them(play):
    day = play(HOURLY)
    day.world.takes = 86_400
    assert day.run(hours=2) == 143
    assert day.world.signals == [15]
    assert day.said[-1] == "stopping: SIGTERM"


def test_a_job_that_does_not_end_is_not_waited_for_forever(play):
    day = play(HOURLY)
    day.world.takes, day.world.stubborn = 86_400, True
    assert day.run(hours=2) == 143
    assert day.world.time <= START + timedelta(hours=2, minutes=2)


def test_a_lake_that_cannot_be_read_or_written_for_a_while_is_told_once_and_survived(play):
    day = play(INBOX, HOURLY)

    def refuse(*_):
        raise StorageError("the store is away")

    day.save, day.look.files = refuse, refuse
    day.run(hours=2.5)
    assert day.world.jobs() == ["shop: hourly"] * 2
    assert day.said.count("shop: inbox: the store is away") == 1
    assert day.said.count("shop: what is remembered cannot be kept: the store is away") == 1
    assert day.run(once=True) == StorageError.exit_code


def test_a_clock_that_was_wrong_does_not_silence_an_entry_for_years(play):
    day = play(HOURLY)
    day.world.time += timedelta(days=3650)
    day.run(hours=0.5)
    day.world.time = START
    day.run(hours=1.5)
    assert day.world.times() == ["01-01 13:00:00"]


def test_memory_of_entries_that_are_gone_is_dropped(play):
    day = play(HOURLY, NIGHTLY)
    day.run(hours=1.5)
    day.entries = [HOURLY]
    day.run(hours=1.5)
    assert set(day.memory.entries) == {"hourly"}
