"""Lakes to crash over. ``CRASH=full`` sweeps everything (make crash); otherwise a quick sample is taken."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.crash.lake import CrashLake, Forker, started_forker
from tests.places import LakePlace, make_s3_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    with started_forker() as running:
        yield running


@pytest.fixture
def new_lake(forker: Forker, tmp_path: Path) -> Callable[..., CrashLake]:
    """Make an empty lake on a disk, another one each time."""
    numbers = itertools.count()

    def make(**options: object) -> CrashLake:
        folder = tmp_path / str(next(numbers))
        return CrashLake(LakePlace("local", str(folder / "lake")), folder, forker, options)

    return make


@pytest.fixture
def new_s3_lake(forker: Forker, tmp_path: Path, s3_endpoint: str, aws_credentials: None) -> Callable[..., CrashLake]:
    """Make an empty lake on S3, another one each time."""
    numbers = itertools.count()

    def make(**options: object) -> CrashLake:
        return CrashLake(make_s3_place(s3_endpoint), tmp_path / str(next(numbers)), forker, options)

    return make
