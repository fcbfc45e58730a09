"""Kill the target at every step of the protocol: no record is lost, none is doubled, one run mends it."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from target_datalake import layout
from target_datalake.checkpoints import SPAN
from target_datalake.commits import follow
from target_datalake.fail_points import STEPS, arm
from tests.crash import source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tests.crash.lake import CrashLake

FULL = os.environ.get("CRASH") == "full"
SIGKILL = -9

pytestmark = [pytest.mark.timeout(1200 if FULL else 240)]


@pytest.fixture(params=["local", pytest.param("s3", marks=[] if FULL else pytest.mark.skip("make crash runs it"))])
def any_new_lake(request) -> Callable[..., CrashLake]:
    return request.getfixturevalue("new_lake" if request.param == "local" else "new_s3_lake")


def hits(steps: Iterable[str], sample: Collection[str] = STEPS) -> list[tuple[str, int]]:
    """Return which hit of each step to fail at: the first, the middle and the last; of a sample only the middle."""
    chosen = []
    for step, count in sorted(Counter(steps).items()):
        middle = (count + 1) // 2
        if FULL or step in sample:
            chosen += [(step, hit) for hit in (sorted({1, middle, count}) if FULL else [middle])]
    return chosen


def report(what: str, kills: int, runs: int) -> None:
    print(f"\n{what}: {kills} kills, {runs} runs, 0 lost, 0 doubled")  # noqa: T201 - what `make crash` is for


def test_a_run_killed_at_any_step_is_mended_by_the_next(any_new_lake):
    steps = any_new_lake().trace()
    kills = 0
    for step, hit in hits(steps):
        lake = any_new_lake()
        assert lake.run(fail_at=f"{step}@{hit}:kill") == SIGKILL, (step, hit)
        lake.check_consistent()
        assert lake.run() == 0, (step, hit, lake.errors())
        lake.check_complete()
        kills += 1
    report("every step of a run", kills, 2 * kills)


@pytest.mark.parametrize("crash", ["publish.file@5", *(["commit.done@3", "stage.finished@2"] if FULL else [])])
def test_a_recovery_killed_at_any_step_is_mended_by_the_next(any_new_lake, crash):
    lake = any_new_lake()
    lake.run(fail_at=f"{crash}:kill")
    steps = lake.trace()
    recovery = steps[: steps.index("recover.swept") + 1]
    kills = 0
    for step, hit in hits(recovery, ("publish.renamed", "recover.published")):
        lake = any_new_lake()
        assert lake.run(fail_at=f"{crash}:kill") == SIGKILL
        assert lake.run(fail_at=f"{step}@{hit}:kill") == SIGKILL, (step, hit)
        lake.check_consistent()
        assert lake.run() == 0, lake.errors()
        lake.check_complete()
        kills += 2
    report(f"every step of a recovery from {crash}", kills, kills + kills // 2)


def test_a_rewind_killed_at_any_step_is_mended_by_the_next(new_lake):
    """The runner brings the same old state again, as one does that was never told of a newer one."""

    def ready() -> CrashLake:
        lake = new_lake(on_rewind="replace")
        assert lake.run(until=15) == 0
        (lake.folder / "state.json").write_text('{"at": 9}')
        return lake

    def rewind(lake: CrashLake, **options: str) -> int:
        return lake.run("-s", str(lake.folder / "state.json"), start=9, **options)

    lake = ready()
    trace = lake.folder / "trace"
    assert rewind(lake, trace=str(trace)) == 0
    lake.check_complete()
    kills = 0
    for step, hit in hits(trace.read_text().split(), ("publish.removed", "commit.linked", "publish.file")):
        lake = ready()
        assert rewind(lake, fail_at=f"{step}@{hit}:kill") == SIGKILL, (step, hit)
        assert rewind(lake) == 0, lake.errors()
        lake.check_complete()
        kills += 1
    report("every step of a rewind", kills, 3 * kills)


def test_a_commit_whose_uploads_were_aborted_comes_again(new_s3_lake):
    for killed in ("", *(("recover.undone@1:kill", "publish.removed@1:kill") if FULL else ())):
        lake = new_s3_lake()
        assert lake.run(fail_at="publish.file@6:kill") == SIGKILL
        assert lake.leftovers() > 0
        if killed:
            assert lake.run(fail_at=killed) == SIGKILL
        lake.log.recover()  # `lake run` recovers before it reads the STATE to start the tap from
        assert lake.run() == 0, lake.errors()
        lake.check_complete()


def test_a_run_killed_while_it_writes_a_checkpoint_is_mended_by_the_next(new_lake):
    for step in ("checkpoint.begin", "checkpoint.done"):
        lake = new_lake()
        head = None
        for _ in range(SPAN - 1):
            head = follow(head, "shop", now_us=0, state='{"at": 0}')
            lake.log.append(head)
        assert lake.run(fail_at=f"{step}@1:kill") == SIGKILL
        lake.check_consistent()
        assert lake.run() == 0, lake.errors()
        lake.check_complete()
        assert [file.key for file in lake.storage.list(layout.checkpoint_prefix("shop"))] == [
            layout.checkpoint_key("shop", SPAN)
        ]


def test_every_step_is_reached_by_one_of_these_tests(new_lake):
    lake = new_lake()
    steps = set(lake.trace())
    elsewhere = {"recover.undone", "publish.removed", "checkpoint.begin", "checkpoint.done"}
    elsewhere |= {step for step in STEPS if step.startswith("build.")}
    assert set(STEPS) - elsewhere <= steps


@pytest.mark.parametrize("spec", ["nonsense@1:kill", "emit.done@1:nonsense", "emit.done"])
def test_a_misspelt_fail_point_is_refused_rather_than_never_hit(spec):
    with pytest.raises(ValueError, match="no such"):
        arm(spec, "")


def test_unarmed_it_does_nothing():
    arm("", "")("emit.done")


def test_the_source_itself_is_what_it_says(new_lake):
    lake = new_lake()
    assert lake.run() == 0, lake.errors()
    lake.check_complete()
    assert sum(source.landed(0, source.SIZE).values()) + sum(source.rejected(0, source.SIZE).values()) == source.SIZE
    assert lake.log.head().n >= 4
