"""The target's world over a disk and over S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.places import LakePlace
from tests.target.world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(lake_place: LakePlace, tmp_path: Path) -> World:
    """A lake on a disk, then the same on S3."""
    return World(lake_place, tmp_path)


@pytest.fixture
def local_world(tmp_path: Path) -> World:
    """A lake on a disk, for what does not depend on the store."""
    return World(LakePlace("local", str(tmp_path / "lake")), tmp_path)
