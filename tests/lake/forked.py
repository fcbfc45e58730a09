"""`lake` as a process of its own that has nothing to import: forked from one that has.

Its arguments, environment, exit code and output are a real start's; test_cli.py also has real starts.
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.crash.lake import Forker


@functools.cache
def _forker() -> Forker:
    forker = Forker("lake")
    atexit.register(forker.close)
    return forker


def run_lake(*arguments: str, **job: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command in this process's folder and environment, and return what it printed. `job`: see the forker."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        _forker().start(
            arguments=arguments,
            folder=str(Path.cwd()),
            stdin=os.devnull,
            stdout=str(out),
            stderr=str(err),
            **{"env": dict(os.environ), **job},
        )
        code = _forker().wait()
        return subprocess.CompletedProcess(["lake", *arguments], code, out.read_bytes(), err.read_bytes())
