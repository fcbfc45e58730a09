"""The target's promises: commits at STATE only, exactly what a STATE covers, nothing lost, nothing doubled."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_datalake.commits import StreamCounts
from target_datalake.errors import HeldError, MessageError, RejectedError, SchemaError
from tests.places import LakePlace
from tests.target.world import World, record, records, schema, state


def test_what_a_state_covers_lands_and_the_state_is_printed_verbatim(world):
    verbatim = '{"type": "STATE", "value": { "at":  1.50 }}'
    world.run(schema(), *records(range(3)), verbatim)
    assert world.ids() == [0, 1, 2]
    assert world.printed == ['{ "at":  1.50 }']
    head = world.log.head()
    assert head.state == '{ "at":  1.50 }'
    assert head.streams == {"orders": StreamCounts(received=3, landed=3, rejected=0)}


def test_a_second_run_appends(world):
    world.run(schema(), *records(range(3)), state(1))
    world.run(schema(), *records(range(3, 5)), state(2))
    assert world.ids() == [0, 1, 2, 3, 4]
    assert [commit.n for commit in world.log.entries()] == [1, 2]
    assert world.log.head().parent == world.log.read(1).id


def test_many_small_states_make_one_commit(world):
    lines = [line for number in range(50) for line in (record(number), state(number))]
    world.run(schema(), *lines)
    assert world.log.head().n == 1
    assert world.printed == ['{"at": 49}']


def test_commits_are_cut_at_a_state_once_the_bounds_are_reached(local_world):
    lines = [line for number in range(10) for line in (*records(range(number * 3, number * 3 + 3)), state(number))]
    local_world.run(schema(), *lines, commit={"max_rows": 7})
    assert [json.loads(commit.state)["at"] for commit in local_world.log.entries()] == [2, 5, 8, 9]
    assert local_world.ids() == list(range(30))


def test_an_up_to_date_run_commits_nothing_and_still_prints_its_state(world):
    world.run(schema(), *records(range(3)), state(1))
    world.printed.clear()
    world.run(schema(), state(1))
    assert world.log.head().n == 1
    assert world.printed == ['{"at": 1}']


def test_a_bookmark_that_moved_without_records_is_committed(world):
    world.run(schema(), *records(range(3)), state(1))
    world.run(schema(), state(2))
    assert world.log.head().state == '{"at": 2}'


@pytest.mark.parametrize(
    "value", ['{"currently_syncing": "orders"}', '{"bookmarks": {}, "currently_syncing": "orders"}']
)
def test_a_tap_that_failed_before_its_first_record_leaves_the_lake_as_it_was(world, value):
    world.run(schema(), f'{{"type": "STATE", "value": {value}}}', tap_succeeded=False)
    assert world.log.head() is None
    assert world.printed == []
    world.run(schema(), *records([1]), state(1))
    world.run(schema(), state(1, currently_syncing="orders"), tap_succeeded=False)
    assert world.log.head().n == 1
    assert world.printed == ['{"at": 1}']


def test_a_run_without_any_message_leaves_no_commit(world):
    world.run()
    assert world.log.head() is None
    assert world.printed == []


class TestTail:
    """Records after the last STATE."""

    TAIL = (schema(), *records(range(3)), state(1), *records(range(3, 5)))

    @pytest.mark.parametrize(("tap_succeeded", "landed"), [(True, 5), (None, 5), (False, 3)])
    def test_it_lands_unless_the_tap_is_known_to_have_failed(self, world, tap_succeeded, landed):
        world.run(*self.TAIL, tap_succeeded=tap_succeeded)
        assert world.ids() == list(range(landed))
        assert world.log.head().state == '{"at": 1}'

    @pytest.mark.parametrize("tap_succeeded", [True, None, False])
    def test_it_is_left_out_when_the_state_names_a_stream_being_read(self, local_world, tap_succeeded):
        syncing = state(1, currently_syncing="orders")
        local_world.run(schema(), *records([1]), syncing, *records([2]), tap_succeeded=tap_succeeded)
        assert local_world.ids() == [1]

    def test_always_takes_it_whatever_happened(self, local_world):
        local_world.run(*self.TAIL, tap_succeeded=False, commit_tail="always")
        assert local_world.ids() == list(range(5))

    def test_a_tap_that_never_sends_a_state_lands_at_its_end(self, world):
        world.run(schema(), *records(range(3)))
        assert world.ids() == [0, 1, 2]
        assert world.log.head().state is None
        assert world.printed == []

    def test_a_rerun_after_a_dropped_tail_doubles_nothing(self, world):
        world.run(*self.TAIL, tap_succeeded=False)
        world.run(schema(), *records(range(3, 5)), state(2), tap_succeeded=True)
        assert world.ids() == list(range(5))

    def test_a_dropped_tail_that_had_overflowed_leaves_nothing_staged(self, world):
        target = world.start(commit={"max_rows": 4})
        world.feed(target, schema(), *records(range(3)), state(1), *records(range(3, 20)))
        target.finish(tap_succeeded=False)
        assert world.ids() == [0, 1, 2]
        assert world.staged() == 0

    def test_an_overflowing_tail_is_covered_by_the_state_that_comes(self, world):
        lines = (*records(range(3)), state(1), *records(range(3, 20)), state(2), *records(range(20, 22)), state(3))
        world.run(schema(), *lines, commit={"max_rows": 4})
        assert world.ids() == list(range(22))
        assert world.printed == ['{"at": 1}', '{"at": 2}', '{"at": 3}']


class TestAge:
    def test_a_quiet_pipe_commits_what_a_state_covers_when_it_is_old_enough(self, local_world):
        target = local_world.start(commit={"max_age_seconds": 60})
        local_world.feed(target, schema(), *records([1]), state(1), *records([2]))
        local_world.feed(target)
        assert local_world.ids() == []
        local_world.clock.seconds += 61
        local_world.feed(target)
        assert local_world.ids() == [1]
        assert local_world.printed == ['{"at": 1}']
        target.finish(tap_succeeded=False)
        assert local_world.ids() == [1]


class TestRejects:
    def test_a_bad_record_is_kept_with_its_text_and_all_its_errors_and_the_others_land(self, world):
        bad = '{"type": "RECORD", "stream": "orders", "record": {"name": 1.50,  "id": "x"}}'
        world.run(schema(), record(1), bad, record(2), state(1))
        assert world.ids() == [1, 2]
        (reject,) = world.rejected()
        assert reject["raw"] == '{"name": 1.50,  "id": "x"}'
        assert {error["path"] for error in reject["errors"]} == {"/id", "/name"}
        assert (reject["stream"], reject["reason"], reject["run"]) == ("orders", "schema", "run")
        assert (reject["commit"], reject["line"]) == (1, 3)
        assert reject["schema"] == world.log.head().schemas["orders"]
        assert world.log.head().streams["orders"] == StreamCounts(received=3, landed=2, rejected=1)

    def test_a_record_that_is_not_utf8_keeps_its_bytes(self, local_world):
        target = local_world.start()
        line = b'{"type": "RECORD", "stream": "orders", "record": {"id": 1, "name": "\xff"}}'
        from target_datalake.input import Batch
        from target_datalake.message_reader import MessageReader

        target.run(MessageReader(lambda: 1).read([Batch(schema().encode() + b"\n" + line + b"\n")]))
        target.finish(tap_succeeded=True)
        (reject,) = local_world.rejected()
        assert reject["raw_base64"] == "eyJpZCI6IDEsICJuYW1lIjogIv8ifQ=="

    def test_too_many_rejects_stop_the_run_and_leave_the_lake_and_a_sample(self, world):
        good, bad = records(range(100)), records(["x"] * 20)
        world.run(schema(), *good, state(1))
        with pytest.raises(RejectedError) as caught:
            world.run(schema(), *good, *bad, state(2))
        assert caught.value.exit_code == 5
        assert world.log.head().n == 1
        assert len(world.ids()) == 100
        assert world.staged() == 0
        sample = world.log.storage.read("_lake/runs/shop/run.rejected.jsonl").splitlines()
        assert len(sample) == 20
        assert json.loads(sample[0])["raw"] == '{"id": "x"}'

    def test_a_few_rejects_are_no_reason_to_stop(self, local_world):
        local_world.run(schema(), *records(["x"] * 19), state(1))
        assert local_world.log.head().streams["orders"].rejected == 19

    def test_the_limit_counts_over_the_commits_of_a_run(self, local_world):
        lines = [line for number in range(15) for line in (record(number), record("x"), record("x"), state(number))]
        with pytest.raises(RejectedError):
            local_world.run(schema(), *lines, commit={"max_rows": 3})
        assert local_world.log.head().n == 9

    def test_a_higher_limit_lets_them_pass(self, local_world):
        local_world.run(schema(), *records(["x"] * 50), state(1), max_rejected_fraction=1)
        assert len(local_world.rejected()) == 50

    def test_on_invalid_fail_stops_at_the_first(self, local_world):
        with pytest.raises(RejectedError):
            local_world.run(schema(), *records(range(5)), record("x"), state(1), on_invalid="fail")
        assert local_world.log.head() is None


WIDER = {"type": "object", "properties": {"id": {"type": "integer"}, "city": {"type": "string"}}}


class TestSchemas:
    def test_a_record_before_its_schema_names_the_line(self, local_world):
        with pytest.raises(MessageError, match="line 2") as caught:
            local_world.run(schema("customers"), record(1), state(1))
        assert caught.value.exit_code == 2
        assert local_world.log.head() is None

    def test_a_new_field_in_mid_stream_starts_a_new_file_and_loses_nothing(self, world):
        city = '{"type": "RECORD", "stream": "orders", "record": {"id": 2, "city": "Gent"}}'
        world.run(schema(), record(1), schema(document=WIDER), city, record(3), state(1))
        assert world.ids() == [1, 2, 3]
        assert world.glob().column("city").to_pylist() == [None, "Gent", None]
        assert len(world.log.head().add) == 2

    def test_schemas_that_flap_settle_on_their_union(self, local_world):
        flapping = [schema(), schema(document=WIDER)] * 10
        lines = [line for number, each in enumerate(flapping) for line in (each, record(number))]
        local_world.run(*lines, state(1))
        assert local_world.ids() == list(range(20))
        assert len(local_world.log.head().add) == 2

    def test_a_field_that_landed_stays_when_a_later_run_lacks_it(self, world):
        world.run(schema(document=WIDER), record(1), state(1))
        world.run(schema(), record(2), state(2))
        assert "city" in world.glob().column_names
        assert world.ids() == [1, 2]

    def test_an_unlike_type_is_refused_and_the_lake_is_as_it_was(self, world):
        world.run(schema(), record(1), state(1))
        conflicting = {"type": "object", "properties": {"id": {"type": "string"}}}
        with pytest.raises(SchemaError, match="id"):
            world.run(schema(document=conflicting), record("x"), state(2))
        assert world.log.head().n == 1

    def test_a_number_where_integers_landed_opens_the_next_prefix(self, world):
        world.run(schema(), record(1), state(1))
        wider = {"type": "object", "properties": {"id": {"type": "number"}}}
        world.run(schema(document=wider), record(1.5), state(2))
        assert world.ids() == [1]
        (file,) = world.log.head().add
        assert file.key.startswith("landing/shop/orders~2/")


class TestVersions:
    def test_an_activated_version_is_a_fact_in_the_log_and_files_hold_one_version(self, world):
        activate = '{"type": "ACTIVATE_VERSION", "stream": "orders", "version": 2}'
        lines = (*records(range(2), version=1), *records(range(3), version=2))
        world.run(schema(), *lines, activate, state(1))
        head = world.log.head()
        assert head.versions["orders"].version == 2
        assert [(file.version, file.rows) for file in head.add] == [(1, 2), (2, 3)]
        world.run(schema(), *records([9]), state(2))
        assert world.log.head().versions["orders"].version == 2

    def test_a_version_of_an_unfinished_tail_is_not_activated(self, local_world):
        activate = '{"type": "ACTIVATE_VERSION", "stream": "orders", "version": 2}'
        local_world.run(schema(), *records([1], version=1), state(1), activate, tap_succeeded=False)
        assert local_world.log.head().versions == {}


class TestTwoWriters:
    def test_the_losing_writer_withdraws(self, world):
        first, second = world.start(), world.start()
        world.feed(first, schema(), *records([1]), state(1))
        world.feed(second, schema(), *records([2]), state(2))
        first.finish(tap_succeeded=True)
        with pytest.raises(HeldError) as caught:
            second.finish(tap_succeeded=True)
        assert caught.value.exit_code == 7
        assert world.ids() == [1]
        assert world.printed == ['{"at": 1}']
        assert world.staged() == 0


def test_an_error_leaves_nothing_staged(world):
    target = world.start(commit={"max_rows": 4})
    world.feed(target, schema(), *records(range(3)), state(1), *records(range(3, 30)))
    with pytest.raises(MessageError):
        world.feed(target, "nonsense")
    assert world.ids() == [0, 1, 2]
    assert world.staged() == 0


def test_sequences_grow_with_arrival_over_streams_and_runs(local_world):
    local_world.run(schema("a"), schema("b"), record(1, "a"), record(1, "b"), record(2, "a"), state(1))
    local_world.run(schema("a"), record(3, "a"), state(2))
    a = local_world.glob("a").column("_sdc_sequence").to_pylist()
    b = local_world.glob("b").column("_sdc_sequence").to_pylist()
    assert a[0] < b[0] < a[1] < a[2]
    assert a == [(1 << 32) + 3, (1 << 32) + 5, (2 << 32) + 2]


EVENTS = st.lists(st.sampled_from(["a", "b", "bad", "state"]), max_size=60)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(events=EVENTS, max_rows=st.integers(1, 20), tap_succeeded=st.booleans())
def test_any_stream_of_messages_is_conserved(events, max_rows, tap_succeeded, tmp_path_factory):
    world = World(LakePlace("local", str(tmp_path_factory.mktemp("lake"))), tmp_path_factory.getbasetemp())
    lines, expected, waiting = [schema("a"), schema("b")], [], []
    for number, event in enumerate(events):
        if event == "state":
            lines.append(state(number))
            expected, waiting = expected + waiting, []
        else:
            stream = "b" if event == "b" else "a"
            lines.append(record(f"bad {number}" if event == "bad" else number, stream))
            waiting.append((stream, event == "bad", number))
    if tap_succeeded:
        expected += waiting
    world.run(*lines, tap_succeeded=tap_succeeded, commit={"max_rows": max_rows}, max_rejected_fraction=1)
    for stream in ("a", "b"):
        assert world.ids(stream) == [number for name, bad, number in expected if name == stream and not bad]
    assert [line["line"] for line in world.rejected("a")] == [number + 3 for name, bad, number in expected if bad]
    assert world.staged() == 0


@pytest.mark.parametrize("form", [{}, {"format": "date-time"}], ids=["a string", "a date-time"])
def test_a_declared_deletion_is_a_moment(local_world, form):
    deleted = {"_sdc_deleted_at": {"type": ["null", "string"], **form}}
    document = {"type": "object", "properties": {"id": {"type": "integer"}, **deleted}}
    moment = {"id": 1, "_sdc_deleted_at": "2026-01-31T12:00:00.5+01:00"}
    local_world.run(schema(document=document), record(0), record(1, record=moment), state(1))
    found = local_world.glob().column("_sdc_deleted_at").to_pylist()
    assert found == [None, datetime(2026, 1, 31, 11, 0, 0, 500_000, UTC)]


def test_an_undeclared_deletion_is_a_key_like_any_other(local_world):
    local_world.run(schema(), record(1, record={"id": 1, "_sdc_deleted_at": "2026-01-31"}), state(1))
    assert local_world.glob().column("_sdc_extra").to_pylist() == ['{"/_sdc_deleted_at":"2026-01-31"}']
