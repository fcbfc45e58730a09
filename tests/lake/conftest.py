"""A lake of one source, on a disk and on S3, that a test fills by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lake.writer import LakeWriter
from tests.places import LakePlace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lake_storage(lake_place: LakePlace) -> LakeWriter:
    """A lake on a disk, then the same on S3."""
    return LakeWriter(lake_place)


@pytest.fixture
def local_lake(tmp_path: Path) -> LakeWriter:
    """A lake on a disk, for what does not depend on the store."""
    return LakeWriter(LakePlace("local", str(tmp_path / "lake")))
