"""A disk that is full or fails: the run says so, promises nothing that is not durable, and goes on once it is well."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.crash import source
from tests.crash.lake import CrashLake
from tests.crash.test_fail_points import FULL, hits
from tests.places import LakePlace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAYS = {"enospc": ("No space left on device", "free some space"), "eio": ("Input/output error", "check it")}

pytestmark = [pytest.mark.timeout(1200 if FULL else 300)]

ON_THE_DISK = (
    "stage.open", "stage.write", "stage.finish", "stage.finished", "commit.written", "commit.linked", "publish.renamed",
)  # fmt: skip


@pytest.mark.parametrize("error", SAYS)
def test_an_error_at_any_step_is_told_and_mended_by_the_next_run(new_lake, error):
    steps = [step for step in new_lake().trace() if step in ON_THE_DISK]
    sample = ON_THE_DISK if error == "enospc" else ("stage.write", "commit.linked")
    for step, hit in hits(steps, sample):
        lake = new_lake()
        assert lake.run(fail_at=f"{step}@{hit}:{error}") == 6, (step, hit, lake.errors())
        assert "Traceback" not in lake.errors()
        for words in SAYS[error]:
            assert words in lake.errors(), (step, hit)
        lake.check_consistent()
        assert lake.run() == 0, lake.errors()
        lake.check_complete()


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_is_told_and_the_run_goes_on_once_there_is_space(forker, tmp_path, small_disk):
    lake = CrashLake(LakePlace("local", str(small_disk / "lake")), tmp_path, forker)
    assert lake.run(until=15) == 0, lake.errors()
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    ballast.write_bytes(b"x" * (free - 12_000))
    assert lake.run() == 6
    assert "Traceback" not in lake.errors()
    assert SAYS["enospc"][0] in lake.errors()
    lake.check_consistent()
    ballast.unlink()
    assert lake.run() == 0, lake.errors()
    lake.check_complete(source.SIZE)
