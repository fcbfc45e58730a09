"""Third-party programs, each in an environment of its own: their dependencies contradict ours and each other's."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install(name: str, command: str = "") -> Path:
    """Install a program from its locked requirements under .interop, once, and return its command.

    Args:
        name: What its lock file is called after.
        command: What its command is called, if not the same.
    """
    folder, lock = ROOT / ".interop" / name, ROOT / "requirements" / f"interop-{name}.lock"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the suite runs in several processes
        ready = folder / ".ready"
        if not ready.exists() or ready.read_text() != lock.read_text():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
            ready.write_text(lock.read_text())
    return folder / "bin" / (command or name)
