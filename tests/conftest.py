"""Worlds that every suite shares: a lake on a disk, and the same lake on S3."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from moto.server import ThreadedMotoServer

from tests.places import (
    S3_SERVER,
    LakePlace,
    make_s3_place,
    set_aws_credentials,
    spare_moto_its_search,
    teach_moto_missing_uploads,
)
from tests.s3_proxy import S3Proxy
from tests.seaweedfs import seaweedfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MEMORY_DISK = "/dev/shm"  # noqa: S108 - a place for the tests' folders, each with a name of its own
MEMORY_DISK_BYTES = 8 << 30
"""Half of the memory, as a rule: a run of the suite keeps some hundred MB there."""

settings.register_profile(
    "suite",
    deadline=None,
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")
"""The same examples on every run, however slow the machine; the long runs look for new ones."""


def pytest_configure() -> None:
    """Make the starts of some thousand programs, and the fsyncs of as many lakes, cheap."""
    sys.dont_write_bytecode = False  # to compile everything anew is over half of a start
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with contextlib.suppress(OSError):
        if os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free > MEMORY_DISK_BYTES:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY_DISK)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what only the fake S3 does, such as to take any credentials, when the server is a real one."""
    if S3_SERVER != "moto":
        for item in items:
            if item.get_closest_marker("fake_s3"):
                item.add_marker(pytest.mark.skip(reason="only the fake S3 does this"))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A fake S3 on a free port, which child processes reach too; with ``S3_SERVER=seaweedfs`` a real one."""
    if S3_SERVER == "seaweedfs":
        with seaweedfs() as endpoint:
            yield endpoint
        return
    teach_moto_missing_uploads()
    spare_moto_its_search()
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_proxy(s3_endpoint: str) -> Iterator[S3Proxy]:
    """The same S3 behind a proxy that sees what is asked of it, and can do harm."""
    with S3Proxy(s3_endpoint) as proxy:
        yield proxy


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open the S3 of these tests, and nothing else."""
    set_aws_credentials(monkeypatch)


@pytest.fixture(params=["local", "s3"])
def lake_place(request: pytest.FixtureRequest, tmp_path: Path) -> LakePlace:
    """An empty place for a lake: a folder, then a fresh bucket with a prefix."""
    if request.param == "local":
        return LakePlace("local", str(tmp_path / "lake"))
    request.getfixturevalue("aws_credentials")
    return make_s3_place(request.getfixturevalue("s3_endpoint"))
