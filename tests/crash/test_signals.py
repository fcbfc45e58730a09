"""SIGTERM and SIGINT at any moment: the target ends by itself with its code, and the lake is as after any other run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.crash.strace import wait_until_stopped
from tests.crash.test_fail_points import FULL, hits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.lake import CrashLake

EXIT_CODES = {"term": 143, "int": 130}
DEADLINE_SECONDS = 60
"""For the start and the end of a process on a machine with other work."""
MOMENTS = 100 if FULL else 6

pytestmark = [pytest.mark.timeout(1200 if FULL else 300)]


def check(lake: CrashLake) -> None:
    assert "Traceback" not in lake.errors()
    lake.check_consistent()
    assert lake.run() == 0, lake.errors()
    lake.check_complete()


@pytest.mark.parametrize("name", EXIT_CODES)
def test_a_signal_at_any_step_ends_the_run_with_its_code(new_lake, name):
    sample = ("recover.begin", "stage.write", "commit.linked", "publish.renamed", "emit.begin")
    steps = [step for step in new_lake().trace() if not step.startswith("checkpoint")]
    for step, hit in hits(steps, sample if name == "term" else sample[2:3]):
        lake = new_lake()
        before = time.monotonic()
        assert lake.run(fail_at=f"{step}@{hit}:{name}") == EXIT_CODES[name], (step, hit)
        assert time.monotonic() - before < DEADLINE_SECONDS
        check(lake)


def signalling(draw: random.Random) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Return how to send a process one or two signals at random moments of its life."""

    @contextlib.contextmanager
    def attached(pid: int) -> Iterator[None]:
        wait_until_stopped(pid)
        between, numbers = draw.uniform(0, 0.25), draw.choices((signal.SIGTERM, signal.SIGINT), k=draw.choice((1, 2)))
        child = os.fork()
        if child == 0:  # the sender: the caller waits for the target's end meanwhile
            for number in numbers:
                time.sleep(between)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            os._exit(0)
        yield
        os.waitpid(child, 0)

    return attached


def test_signals_at_random_moments_end_the_run_or_come_too_late(new_lake):
    draw = random.Random(20260131)
    codes = []
    for _ in range(MOMENTS):
        lake = new_lake()
        codes.append(lake.run(attach=signalling(draw)))
        check(lake)
    assert set(codes) <= {0, *EXIT_CODES.values(), -signal.SIGTERM, -signal.SIGINT}, codes
    print(f"\nsignals at {MOMENTS} random moments: exit codes {sorted(set(codes))}, 0 lost, 0 doubled")  # noqa: T201
