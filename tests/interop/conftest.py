"""Third-party programs, each in an environment of its own: their dependencies contradict ours and each other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments import install

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def target_jsonl() -> Path:
    return install("target-jsonl")


@pytest.fixture(scope="session")
def singer_check_tap() -> Path:
    return install("singer-check-tap")


@pytest.fixture(scope="session")
def tap_rest_api_msdk() -> Path:
    return install("tap-rest-api-msdk")
