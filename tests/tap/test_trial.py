"""What --test tells a program of each stream's first page, beside its records."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("ahead", "least", "most"), [(3600, 3500, 3600), (-3600, -3600, -3500), (0, 0, 0)], ids=["ahead", "behind", "even"]
)
def test_a_servers_clock_that_differs_is_told(ahead: int, least: int, most: int, tmp_path: Path) -> None:
    with FakeApi(lambda _: Reply([{"id": 1}]), now=lambda: time.time() + ahead) as api:
        config = {"base_url": api.url, "streams": [{"name": "items", "path": "/items"}]}
        (row,) = json.loads(run_tap(tmp_path, config, mode="test", form="json").output)
    assert least <= row["clock_ahead_seconds"] <= most


def test_a_failure_brings_its_fix_and_exit_code(tmp_path: Path) -> None:
    with FakeApi(lambda _: Reply({"error": "no"}, 401)) as api:
        config = {"base_url": api.url, "streams": [{"name": "items", "path": "/items"}]}
        (row,) = json.loads(run_tap(tmp_path, config, mode="test", form="json").output)
    assert (row["exit_code"], "auth" in row["fix"]) == (3, True)
