"""What the kernel sees: nothing is promised before it is on the disk, and a kill at any call loses nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from target_datalake import layout
from tests.crash import source
from tests.crash.lake import CrashLake
from tests.crash.strace import SYSCALLS, Call, killing, lost_at_each, parse_calls, require_strace, tracing
from tests.places import LakePlace

FULL = os.environ.get("CRASH") == "full"

SAMPLE = {"fsync": (9,), "rename": (4,), "link": (2,), "mkdir": (6,)}
"""Calls to kill at when the sweep is not asked for."""

pytestmark = [pytest.mark.timeout(2400 if FULL else 300)]


@pytest.fixture(scope="module")
def strace() -> str:
    return require_strace()


@pytest.fixture(scope="module")
def traced(strace, forker, tmp_path_factory) -> tuple[CrashLake, list[Call]]:
    """A lake after one run, and the calls of that run."""
    folder = tmp_path_factory.mktemp("traced")
    lake = CrashLake(LakePlace("local", str(folder / "lake")), folder, forker)
    assert lake.run(attach=tracing(strace, folder / "calls")) == 0, lake.errors()
    return lake, parse_calls((folder / "calls").read_text())


def is_entry(call: Call) -> bool:
    return call.name == "link" and "/_lake/log/" in call.paths[1]


class TestOrder:
    """Of a run's system calls: SIGKILL keeps the page cache, so only the order shows that an fsync is missing."""

    def needs(self, lake, text: str) -> list[Path]:
        """Return the files that a printed STATE vouches for: those of its commit and all before, and their entries."""
        printed = json.loads(text.replace('\\"', '"').removesuffix("\\n"))["at"]
        entries = [entry for entry in lake.log.entries() if source.position(entry.state) <= printed]
        keys = [file.key for entry in entries for file in entry.files]
        names = [f"_lake/log/shop/{entry.n:020d}.json" for entry in entries]
        schemas = [layout.schema_key("shop", *item) for entry in entries for item in entry.schemas.items()]
        return [Path(lake.storage.uri, key) for key in (*keys, *names, *schemas)]

    def lost(self, traced, calls: list[Call]) -> list[tuple[str, Path]]:
        lake, _ = traced
        return lost_at_each(calls, str(lake.folder / "stdout"), lambda text: self.needs(lake, text))

    def test_no_state_is_printed_before_its_files_their_folders_and_its_entry_are_on_the_disk(self, traced):
        lake, calls = traced
        states = [call for call in calls if call.name == "write" and call.paths[0] == str(lake.folder / "stdout")]
        assert len(states) == lake.log.head().n
        assert all(self.needs(lake, state.text) for state in states)
        assert self.lost(traced, calls) == []

    def test_no_file_appears_before_the_entry_that_names_it_is_on_the_disk(self, traced):
        lake, calls = traced
        log = str(Path(lake.storage.uri, "_lake/log/shop"))
        landing = str(Path(lake.storage.uri, "landing"))
        entry_is_safe = False
        for call in calls:
            if is_entry(call):
                entry_is_safe = False
            elif call.name == "fsync" and call.paths[0] == log:
                entry_is_safe = True
            elif call.name == "rename" and call.paths[1].startswith(landing):
                assert entry_is_safe, call

    def test_no_entry_appears_before_the_files_it_names_are_on_the_disk(self, traced):
        lake, calls = traced
        staged = Path(lake.storage.uri, "_lake/tmp/shop")

        def needs(text: str) -> list[Path]:
            return [staged / file.key.rpartition("/")[2] for file in lake.log.read(int(text)).files]

        marked = [Call("write", ("entry",), Path(call.paths[1]).stem) if is_entry(call) else call for call in calls]
        assert lost_at_each(marked, "entry", needs) == []

    @pytest.mark.parametrize("folder", ["_lake/tmp/shop/0", "landing/shop", "_lake/log/shop", "_lake/rejected"])
    def test_the_check_itself_finds_a_missing_fsync(self, traced, folder):
        lake, calls = traced
        place = str(Path(lake.storage.uri, folder))
        without = [call for call in calls if not (call.name == "fsync" and call.paths[0].startswith(place))]
        assert len(without) < len(calls)
        assert self.lost(traced, without)


@pytest.mark.parametrize("syscall", SYSCALLS if FULL else SAMPLE)
def test_a_kill_at_any_call_is_mended_by_the_next_run(strace, new_lake, syscall):
    kills, when = 0, 0
    while True:
        when += 1
        if not FULL and when > max(SAMPLE[syscall]):
            break
        if not FULL and when not in SAMPLE[syscall]:
            continue
        lake = new_lake()
        ended = lake.run(attach=killing(strace, syscall, when))
        if ended == 0:
            lake.check_complete()
            break
        assert ended == -9, lake.errors()
        lake.check_consistent()
        assert lake.run() == 0, lake.errors()
        lake.check_complete()
        kills += 1
    print(f"\nkilled at every {syscall}: {kills} kills, {2 * kills} runs, 0 lost, 0 doubled")  # noqa: T201
    assert kills or syscall in {"pwrite64", "ftruncate"}, "a call that is never made tells nothing"


def test_a_trace_is_read_as_what_it_says():
    text = (
        'write(5</lake/_lake/tmp/x>, "PAR1", 4) = 4\n'
        "fsync(5</lake/_lake/tmp/x>)         = 0\n"
        'rename("/lake/_lake/tmp/x", "/lake/landing/x") = 0\n'
        'linkat(AT_FDCWD</home>, "/lake/a", AT_FDCWD</home>, "/lake/b", 0) = 0\n'
        'mkdir("/lake/c", 0777)             = -1 EEXIST (File exists)\n'
        "+++ exited with 0 +++\n"
    )
    assert parse_calls(text) == [
        Call("write", ("/lake/_lake/tmp/x",), "PAR1"),
        Call("fsync", ("/lake/_lake/tmp/x",)),
        Call("rename", ("/lake/_lake/tmp/x", "/lake/landing/x")),
        Call("link", ("/lake/a", "/lake/b")),
    ]
