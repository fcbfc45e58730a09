"""What cannot be undone is asked first; whoever does not say yes has changed nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from lake.catalog import Catalog
from tests.lake.writer import Part, numbered


@pytest.mark.parametrize("typed", [b"\x04", b"n\n", b"\n"], ids=["Ctrl-D", "no", "Enter"])
def test_whoever_does_not_say_yes_is_told_that_nothing_was_changed(typed: bytes, local_lake) -> None:
    """Ctrl-D was a traceback."""
    local_lake.commit(Part(numbered(1, 2), stream="orders"))
    master, terminal = pty.openpty()
    os.write(master, typed)
    arguments = [sys.executable, "-m", "lake.cli", "drop", "orders", "--lake", local_lake.place.path]
    done = subprocess.run(arguments, stdin=terminal, capture_output=True, text=True, timeout=60, check=False)
    os.close(master)
    os.close(terminal)
    assert done.stderr.endswith("Nothing was changed.\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert Catalog(local_lake.place.path)["orders"].read().num_rows == 2
