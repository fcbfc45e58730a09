"""Real servers that nobody here wrote, each in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
_DEADLINE_SECONDS = 60


@pytest.fixture(scope="session")
def datasette() -> Path:
    """Install datasette from its locked requirements, once."""
    folder, lock = ROOT / ".interop" / "datasette", LOCKS / "realserver-datasette.lock"
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != lock.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        ready.write_text(lock.read_text())
    return folder / "bin" / "datasette"


@pytest.fixture(scope="session")
def json_server() -> Path:
    """Install json-server from its locked packages, once."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("json-server needs node and npm, which are not installed")
    folder, lock = ROOT / ".interop" / "json-server", LOCKS / "realserver-json-server"
    command = folder / "node_modules" / ".bin" / "json-server"
    if not command.exists() or (folder / "package-lock.json").read_text() != (lock / "package-lock.json").read_text():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(lock, folder)
        subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return command


@contextmanager
def serving(command: Sequence[str | Path], url: str, folder: Path) -> Iterator[None]:
    """Run a server until the block ends."""
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            _await(server, url, folder)
            yield
        finally:
            server.terminate()
            server.wait(timeout=10)


def _await(server: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(url, timeout=5).close()  # noqa: S310 - our own loopback address
        except (URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start: {(folder / 'server.log').read_text()[-2000:]}")
