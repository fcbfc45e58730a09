"""The example API and a project over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.marketplace.server import Marketplace
from tests.end_to_end.project import Project, make_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.places import LakePlace


@pytest.fixture
def api() -> Iterator[Marketplace]:
    """The example API, small, and standing still until told."""
    with Marketplace(advance="manual", reviews=800) as running:
        yield running


@pytest.fixture
def project(api: Marketplace, lake_place: LakePlace, tmp_path: Path) -> Project:
    """A project whose lake is on a disk, then one on S3."""
    return make_project(tmp_path / "project", api, lake_place)
