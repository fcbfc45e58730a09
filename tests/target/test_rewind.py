"""A tap that was started from another state than the lake's: what each answer leaves in the lake."""

from __future__ import annotations

import pytest

from lake.history import History
from target_datalake import layout
from target_datalake.commits import follow
from target_datalake.errors import ConfigError, HeldError
from target_datalake.rewind import answer_rewind
from tests.target.world import World, record, records, schema, state


def three_commits(world: World) -> None:
    for n in (1, 2, 3):
        world.run(schema(), *records(range(n * 10, n * 10 + 2)), record("bad"), state(n))


def run_from(world: World, brought: str, *lines: str, on_rewind: str = "replace"):
    log = world.log
    head = log.recover()
    entry = answer_rewind(log, head, brought, on_rewind, 0)
    target = world.start()
    if entry is not None:
        target.rewind(entry)
    world.feed(target, *lines)
    target.finish(tap_succeeded=True)


def test_replace_removes_what_was_committed_after_the_state_that_was_brought(world):
    three_commits(world)
    run_from(world, '{"at": 1}', schema(), *records([77]), state(9))
    assert world.ids() == [10, 11, 77]
    assert len(world.rejected()) == 1
    head = world.log.head()
    assert (head.n, head.state) == (5, '{"at": 9}')
    entry = world.log.read(4)
    assert (entry.void, entry.purpose, entry.state) == (2, "rewind", '{"at": 1}')


def test_readers_see_what_was_replaced_as_never_written(local_world):
    three_commits(local_world)
    run_from(local_world, '{"at": 1}', schema(), *records([77]), state(9))
    commits = History(local_world.log.storage, "shop").commits()
    assert [sum(counts.received for counts in commit.streams.values()) for commit in commits] == [3, 0, 0, 0, 1]
    assert commits[2].state == '{"at": 1}'


@pytest.mark.parametrize("brought", ["{}", '{"bookmarks": {}}', '{"currently_syncing": "orders"}'])
def test_a_state_that_knows_nothing_puts_the_lake_back_to_its_beginning(local_world, brought):
    three_commits(local_world)
    run_from(local_world, brought, schema(), *records([77]), state(9))
    assert local_world.ids() == [77]
    assert local_world.rejected() == []


def test_a_rewind_of_a_rewind_passes_over_what_is_undone(local_world):
    three_commits(local_world)
    run_from(local_world, '{"at": 2}', schema(), *records([77]), state(9))
    run_from(local_world, '{"at": 1}', schema(), *records([88]), state(10))
    assert local_world.ids() == [10, 11, 88]
    run_from(local_world, "{}", schema(), *records([99]), state(11))
    assert local_world.ids() == [99]
    commits = History(local_world.log.storage, "shop").commits()
    assert [bool(commit.streams) for commit in commits] == [False] * 8 + [True]


def test_a_run_that_commits_nothing_replaces_nothing(local_world):
    three_commits(local_world)
    run_from(local_world, '{"at": 1}', schema(), state(1))
    assert local_world.ids() == [10, 11, 20, 21, 30, 31]
    assert local_world.log.head().n == 3


def test_the_latest_commit_with_that_state_is_the_one_that_is_meant(local_world):
    local_world.run(schema(), *records([1]), state(1))
    local_world.run(schema(), *records([2]), tap_succeeded=True)
    local_world.run(schema(), *records([3]), state(2))
    run_from(local_world, '{"at":1}', schema(), *records([4]), state(3))
    assert local_world.ids() == [1, 2, 4]


def test_the_lakes_own_state_is_no_rewind(local_world):
    three_commits(local_world)
    run_from(local_world, '{ "at": 3 }', schema(), *records([4]), state(4))
    assert local_world.log.head().n == 4


def test_an_unknown_state_is_refused_and_nothing_is_removed(local_world):
    three_commits(local_world)
    with pytest.raises(ConfigError, match="never held"):
        run_from(local_world, '{"at": 7}')
    assert len(local_world.ids()) == 6


def test_what_has_been_merged_cannot_be_taken_apart(local_world):
    three_commits(local_world)
    log = local_world.log
    old = log.read(1).add[0]
    log.append(follow(log.head(), "shop", now_us=0, purpose="compact", remove=(old.key,)))
    with pytest.raises(ConfigError, match="merged or removed"):
        run_from(local_world, '{"at": 2}')


def test_append_lets_records_land_again_and_says_so(local_world, caplog):
    three_commits(local_world)
    run_from(local_world, '{"at": 1}', schema(), *records([20]), state(9), on_rewind="append")
    assert local_world.ids() == [10, 11, 20, 21, 30, 31, 20]
    assert "may land again" in caplog.text


def test_fail_refuses(local_world):
    three_commits(local_world)
    with pytest.raises(HeldError):
        run_from(local_world, '{"at": 1}', on_rewind="fail")


@pytest.mark.parametrize("on_rewind", ["append", "replace"])
def test_in_a_new_lake_there_is_nothing_to_put_back(local_world, on_rewind):
    assert answer_rewind(local_world.log, None, '{"at": 7}', on_rewind, 0) is None


def test_fail_refuses_a_state_that_a_new_lake_does_not_hold(local_world):
    with pytest.raises(HeldError):
        answer_rewind(local_world.log, None, '{"at": 7}', "fail", 0)


def test_versions_are_those_of_before(local_world):
    activate = '{"type": "ACTIVATE_VERSION", "stream": "orders", "version": %d}'
    for version in (1, 2):
        lines = (*records([version], version=version), activate % version, state(version))
        local_world.run(schema(), *lines)
    run_from(local_world, '{"at": 1}', schema("shops"), record(5, "shops"), state(9))
    head = local_world.log.head()
    assert head.versions["orders"].version == 1
    assert set(head.schemas) == {"orders", "shops"}


def test_a_crash_between_the_two_entries_is_a_lake_as_it_was(local_world):
    three_commits(local_world)
    log = local_world.log
    entry = answer_rewind(log, log.head(), '{"at": 1}', "replace", 0)
    log.append(entry)
    assert local_world.log.recover() == entry
    assert local_world.ids() == [10, 11]
    assert [commit.n for commit in History(log.storage, "shop").commits()] == [1, 2, 3, 4]
    assert layout.commit_of(log.read(1).add[0].key) == 1
