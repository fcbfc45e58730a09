"""Whatever befalls one request of a run, one clean run later everything has landed once and nothing is left over.

Each request of a run is given each fault, once without a second attempt and once with. ``S3_FAULT_STRIDE=1`` takes all
of these (`make s3`); the default takes a spread.
"""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from target_datalake import layout, s3_client
from target_datalake.errors import CredentialsError, StorageError
from target_datalake.lake_format import check_format
from target_datalake.target import Target
from tests.places import make_s3_place, uploads_in
from tests.s3_proxy import FAULTS, S3Proxy
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY
from tests.target.world import World, record, schema, state

STRIDE = int(os.environ.get("S3_FAULT_STRIDE", "31"))
BATCHES = 2
ATTEMPTS = (1, 2)
OPTIONS = {"commit": {"max_rows": 1}, "max_rejected_fraction": 1.0}


def batch(number: int) -> list[str]:
    """Return the messages of a batch: two records that land, one that is rejected, and a STATE that covers them."""
    return [record(10 * number), record(10 * number + 1), record(f"bad {number}"), state(number + 1)]


def run(world: World) -> None:
    """Run the target as the command does, over what a tap would send that starts from the lake's STATE."""
    log = world.log
    check_format(log.storage, write=True)
    log.storage.lock(layout.lock_key(world.source))
    head = log.recover()
    clocks = world.clock.clocks()
    target = Target(log, head, world.config(**OPTIONS), "run", world.printed.append, clocks)
    done = 0 if head is None else json.loads(head.state)["at"]
    for number in range(done, BATCHES):
        world.feed(target, *([schema()] if number == done else []), *batch(number))
    target.finish(tap_succeeded=True)


def check(world: World) -> None:
    """Check that the lake holds each record once, and the bucket nothing else."""
    assert world.ids() == [10 * number + half for number in range(BATCHES) for half in (0, 1)]
    assert len(world.rejected()) == BATCHES
    assert uploads_in(world.place) == []
    log = world.log
    named = {file.key for commit in log.entries() for file in (*commit.add, *commit.rejected)}
    standing = {
        file.key for prefix in ("landing", "_lake/rejected", "_lake/merge") for file in log.storage.list(prefix)
    }
    assert standing == named
    assert log.head().state == f'{{"at": {BATCHES}}}'


@pytest.fixture(scope="module")
def requests(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many requests a run without faults makes."""
    with pytest.MonkeyPatch.context() as patch, S3Proxy(s3_endpoint) as proxy:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        world = World(make_s3_place(s3_endpoint).through(proxy.url), tmp_path_factory.mktemp("counted"))
        run(world)
        made = len(proxy.seen)
        check(world)
    assert made > 20
    return made


@pytest.mark.parametrize("attempts", ATTEMPTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("aws_credentials")
@pytest.mark.timeout(900)
def test_a_fault_at_any_request_loses_nothing_doubles_nothing_and_leaves_nothing(
    fault, attempts, requests, s3_proxy, s3_endpoint, tmp_path
):
    phase = 7 * FAULTS.index(fault) + attempts
    for at in range(phase % STRIDE, requests, STRIDE):
        place = make_s3_place(s3_endpoint)
        s3_proxy.reset(fault, [at])
        hurt = World(place.through(s3_proxy.url, max_attempts=attempts), tmp_path)
        run_and_fail(hurt)
        world = World(place, tmp_path)
        assert {*hurt.printed} <= {commit.state for commit in world.log.entries()}
        run(world)
        check(world)


def run_and_fail(world: World) -> None:
    """Run the target; it may fail with an error of ours, never otherwise."""
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(CredentialsError, StorageError):
        patch.setattr(s3_client, "READ_SECONDS", 0.5)
        run(world)
