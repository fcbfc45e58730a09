"""Small programs that stand in for the tap and the target, and ways to watch processes without guessing at time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.programs import Programs
from tests.lake.forked import run_lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE_SECONDS = 60
"""How long a test waits for what must happen; it fails after it, and is as fast as what it watches before."""

_PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
folder = Path({folder!r})
def ready(name, text=""):
    (folder / (name + ".tmp")).write_text(text)
    (folder / (name + ".tmp")).rename(folder / name)
def wait_for(name):
    while not (folder / name).exists():
        time.sleep(0.01)
def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()
"""

CATALOG = {
    "streams": [
        {"tap_stream_id": name, "stream": name, "schema": {}, "metadata": [{"breadcrumb": [], "metadata": root}]}
        for name, root in (("orders", {"selected": True}), ("shops", {"selected": True}), ("notes", {}))
    ]
}

DISCOVERS = f"""
if "--discover" in sys.argv:
    ready("discovered", json.dumps(sys.argv))
    print({json.dumps(CATALOG)!r})
    sys.exit(0)
"""

TWO_ORDERS = """
say(type="SCHEMA", stream="orders", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
say(type="RECORD", stream="orders", record={"id": 1})
say(type="RECORD", stream="orders", record={"id": 2})
say(type="STATE", value={"bookmarks": {"orders": {"replication_key_value": "2026-01-01T00:00:00Z"}, "shops": {"p": 1}}})
"""

ENDLESS = """
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
ready("tap", str(os.getpid()))
n = 0
while True:
    n += 1
    say(type="SCHEMA", stream="orders", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
    say(type="RECORD", stream="orders", record={"id": n})
    say(type="STATE", value={"n": n})
"""

READS_ALL = """
data = sys.stdin.buffer.read()
status = os.fdopen(int(option("--tap-status-fd")), "rb").read().decode()
ready("target", json.dumps({"argv": sys.argv[1:], "bytes": len(data), "status": status}))
"""

_DRIVER = """
import json, sys
from lake import cli, programs
programs.PROGRAMS = programs.Programs(*map(tuple, json.loads(sys.argv[1])))
sys.argv[:] = ["lake", *sys.argv[2:]]
cli.main()
"""


@dataclass
class Stage:
    """A project in a folder, and the programs that play its tap and its target."""

    folder: Path
    lake: str
    s3: dict[str, Any]
    tap: str = DISCOVERS + TWO_ORDERS
    target: str | None = READS_ALL

    @property
    def config(self) -> Path:
        path = self.folder / "config.json"
        if not path.exists():
            target = {"path": self.lake, "source": "shop", **({"s3": self.s3} if self.s3 else {})}
            path.write_text(json.dumps({"tap": {}, "target": target}))
            (self.folder / "catalog.json").write_text(json.dumps(CATALOG))
        return path

    @property
    def programs(self) -> Programs:
        tap = self._command("tap.py", self.tap)
        real = Programs().target
        return Programs(tap, real if self.target is None else self._command("target.py", self.target))

    def command(self, *arguments: str) -> list[str]:
        programs = json.dumps([list(self.programs.tap), list(self.programs.target)])
        return [sys.executable, "-c", _DRIVER, programs, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``lake run`` to its end."""
        programs = [list(self.programs.tap), list(self.programs.target)]
        done = run_lake("run", "-c", str(self.config), *arguments, programs=programs)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start ``lake run``, and see to its end whatever the test does."""
        command = self.command("run", "-c", str(self.config), *arguments)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def told(self, name: str) -> Any:
        """Wait for what a program says when it gets so far, and return it."""
        path = self.folder / name
        eventually(path.exists, f"{name} is ready")
        return json.loads(path.read_text())

    def let(self, name: str) -> None:
        """Let a program go on that waits for this name."""
        (self.folder / name).touch()

    def _command(self, name: str, body: str) -> list[str]:
        path = self.folder / name
        path.write_text(_PRELUDE.format(folder=str(self.folder)) + body)
        return [sys.executable, str(path)]


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, and fail when it does not within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)  # between two looks; nothing depends on how long


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; nobody may have collected its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
