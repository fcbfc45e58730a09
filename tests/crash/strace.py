"""The system calls of a process, seen or made fatal, by strace."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SYSCALLS = {
    "write": "write",
    "pwrite64": "pwrite64",
    "fsync": "fsync,fdatasync",
    "rename": "?rename,?renameat,?renameat2",
    "link": "?link,linkat",
    "unlink": "?unlink,unlinkat",
    "mkdir": "?mkdir,mkdirat",
    "ftruncate": "ftruncate",
    "openat": "?open,openat",
}
"""What a kill is tried at, and the names it has on one machine or another."""

_DEADLINE_SECONDS = 60


def require_strace() -> str:
    """Return where strace is, or skip the test and say what is missing."""
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace is not installed: apt-get install strace")
    with subprocess.Popen(["sleep", "60"]) as victim:
        command = [path, "-qq", "-p", str(victim.pid), "-e", "trace=none"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            attached = _attached(tracer, victim.pid)
            tracer.terminate()
            complaint = tracer.stderr.read()
        victim.kill()
    if not attached:
        pytest.skip(f"strace may not attach to a process here (ptrace): {complaint.strip()}")
    return path


def tracing(strace: str, output: Path) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Return how to attach to a process so that its calls are written to a file, descriptors as paths."""
    calls = ",".join(SYSCALLS[name] for name in ("write", "fsync", "rename", "link", "mkdir"))
    return _attaching([strace, "-qq", "-y", "-s", "300", "-o", str(output), "-e", f"trace={calls}"])


def killing(strace: str, syscall: str, when: int) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Return how to attach to a process so that it is killed at the `when`-th call, from 1."""
    calls = SYSCALLS[syscall]
    inject = f"inject={calls}:signal=KILL:when={when}"
    return _attaching([strace, "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject])


def _attaching(command: list[str]) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    @contextlib.contextmanager
    def attached(pid: int) -> Iterator[None]:
        wait_until_stopped(pid)
        with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as tracer:
            try:
                assert _attached(tracer, pid), tracer.stderr.read()
                yield
                tracer.wait(_DEADLINE_SECONDS)
            finally:
                tracer.kill()

    return attached


def wait_until_stopped(pid: int) -> None:
    """Wait until a process has stopped itself: a SIGCONT that came before would be lost."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while (state := Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) != "T":
        assert state not in "ZX", "the process has ended: see its stderr"
        assert time.monotonic() < deadline, "the process never stopped"
        time.sleep(0.002)  # between two looks; nothing depends on how long


def _attached(tracer: subprocess.Popen[str], pid: int) -> bool:
    """Wait until a process is traced; False if the tracer gave up."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while tracer.poll() is None and time.monotonic() < deadline:
        if re.search(r"^TracerPid:\t[1-9]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
            return True
        time.sleep(0.002)  # between two looks; nothing depends on how long
    return False


@dataclass(frozen=True)
class Call:
    """A system call that succeeded: its name, the paths it concerns, and the text it wrote."""

    name: str
    paths: tuple[str, ...]
    text: str = ""


def parse_calls(trace: str) -> list[Call]:
    """Return the calls of a trace that succeeded, in their order."""
    return [call for line in trace.splitlines() if (call := _parse(line))]


def _parse(line: str) -> Call | None:
    match = re.match(r"(\w+)\((.*)\) += (-?\d+)", line)
    if not match or match[3].startswith("-"):
        return None
    name, arguments = match[1].removesuffix("at2").removesuffix("at"), match[2]
    if name in {"fsync", "fdatasync", "write"}:
        descriptor = re.match(r"\d+<(.*?)>", arguments)
        text = re.search(r', "(.*)"', arguments)
        return Call("fsync" if name == "fdatasync" else name, (descriptor[1],), text[1] if text else "")
    return Call(name, tuple(re.findall(r'"(.*?)"', arguments)))


class Disk:
    """What would survive a power failure after some calls: bytes by fsync of the file, names by fsync of the folder."""

    def __init__(self) -> None:
        self._unsynced_bytes: set[str] = set()
        self._unsynced_names: set[str] = set()

    def apply(self, call: Call) -> None:
        """Take one more call."""
        if call.name == "write":
            self._unsynced_bytes.add(call.paths[0])
        elif call.name == "fsync":
            self._unsynced_bytes.discard(call.paths[0])
            self._unsynced_names = {name for name in self._unsynced_names if str(Path(name).parent) != call.paths[0]}
        elif call.name == "mkdir":
            self._unsynced_names.add(call.paths[0])
        elif call.name in {"rename", "link"}:
            old, new = call.paths
            self._unsynced_names.add(new)
            if old in self._unsynced_bytes:
                self._unsynced_bytes.add(new)

    def holds(self, path: Path) -> bool:
        """Return whether a file's bytes, its name and the names of its folders are on the disk."""
        names = {str(path), *map(str, path.parents)}
        return str(path) not in self._unsynced_bytes and not names & self._unsynced_names


def lost_at_each(calls: Iterable[Call], output: str, needs: Callable[[str], list[Path]]) -> list[tuple[str, Path]]:
    """Return every text that was written to `output` before something it needs was on the disk, and that thing."""
    disk, lost = Disk(), []
    for call in calls:
        if call.name == "write" and call.paths[0] == output:
            lost += [(call.text, path) for path in needs(call.text) if not disk.holds(path)]
        disk.apply(call)
    return lost
