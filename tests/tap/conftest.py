"""What every test of the tap shares: no waiting between retries, and a log that is put back afterwards."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once; test_retry.py has the real waits."""
    monkeypatch.setattr("tap_rest_api.retry._BASE_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """The tap sets up the root logger of its process, which here is pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
