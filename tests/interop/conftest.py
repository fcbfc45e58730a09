"""Third-party programs, each in an environment of its own: their dependencies contradict ours and each other's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def install(name: str) -> Path:
    """Install a program from its locked requirements under .interop, once, and return its command."""
    folder, lock = ROOT / ".interop" / name, ROOT / "requirements" / f"interop-{name}.lock"
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != lock.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        ready.write_text(lock.read_text())
    return folder / "bin" / name


@pytest.fixture(scope="session")
def target_jsonl() -> Path:
    return install("target-jsonl")


@pytest.fixture(scope="session")
def singer_check_tap() -> Path:
    return install("singer-check-tap")


@pytest.fixture(scope="session")
def tap_rest_api_msdk() -> Path:
    return install("tap-rest-api-msdk")
