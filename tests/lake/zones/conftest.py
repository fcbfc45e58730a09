"""A zones folder over a lake on a disk, and over the same on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lake.zones.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lake.writer import LakeWriter


@pytest.fixture
def bench(local_lake: LakeWriter, tmp_path: Path) -> Bench:
    """On a disk, for what does not depend on the store."""
    return Bench(local_lake, tmp_path / "zones")


@pytest.fixture
def any_bench(lake_storage: LakeWriter, tmp_path: Path) -> Bench:
    """On a disk, then on S3."""
    return Bench(lake_storage, tmp_path / "zones")
