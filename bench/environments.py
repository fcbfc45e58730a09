"""A requirement becomes a Python environment of its own, so that no program's libraries get in another's way."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bench.measure import FailedError
from bench.settings import OUT, ROOT

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = {
    "dlt": ("dlt[parquet]==1.31.0",),
    "meltano-sdk": ("singer-sdk==0.54.9",),
    "target-jsonl": ("target-jsonl==0.1.4",),
    "target-s3": ("plinxore-target-s3==0.1.7",),
}

_PATIENCE_SECONDS = 180  # an old one may begin to build its libraries from their sources


@dataclass(frozen=True)
class Environment:
    """Where a peer's programs are; `failure` says why there are none."""

    folder: Path
    failure: str = ""

    def program(self, name: str) -> Path:
        """Return a program's path. Raises FailedError where the environment could not be made."""
        if self.failure:
            raise FailedError(self.failure)
        return self.folder / "bin" / name


@cache
def make_environment(name: str) -> Environment:
    """Make a peer's environment, unless it is there."""
    folder = OUT / "peers" / name
    if (folder / ".ready").exists():
        return Environment(folder)
    print(f"Installing {name} into {folder.relative_to(ROOT)}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*command, *REQUIREMENTS[name]], capture_output=True, check=True, timeout=_PATIENCE_SECONDS)
    except subprocess.SubprocessError:
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Environment(folder, f"{REQUIREMENTS[name][0]} does not install on Python {minor}")
    (folder / ".ready").touch()
    return Environment(folder)
