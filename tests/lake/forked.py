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

from tests.crash.lake import Forker


@functools.cache
def _forker() -> Forker:
    forker = Forker("lake")
    atexit.register(forker.close)
    return forker


def run_lake(*arguments: str, stdin: str | Path = os.devnull) -> subprocess.CompletedProcess[bytes]:
    """Run a command in this process's folder and environment, and return what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        _forker().start(
            arguments=arguments,
            env=dict(os.environ),
            folder=str(Path.cwd()),
            stdin=str(stdin),
            stdout=str(out),
            stderr=str(err),
        )
        code = _forker().wait()
        return subprocess.CompletedProcess(["lake", *arguments], code, out.read_bytes(), err.read_bytes())
