"""A lake that targets are killed over, and what must be true of it whenever it is looked at."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lake import Catalog
from lake.history import History
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.stores import open_storage
from tests.crash import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_datalake.storage import Storage
    from tests.places import LakePlace

ROOT = Path(__file__).parents[2]
BOUNDS = {"max_rows": 9}


class Forker:
    """Starts a program again and again; see ``forker.py``."""

    def __init__(self, program: str) -> None:
        self._command = [sys.executable, str(ROOT / "tests/crash/forker.py"), program]
        self._process = self._launch()
        self._waiting = False

    def start(self, **job: Any) -> int:
        """Start the program and return its pid."""
        if self._waiting:  # for the end of a test that ran out of time: its answer is not ours
            self.close()
            self._process = self._launch()
        self._waiting = True
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Wait for its end: the exit code, or the negative number of the signal that ended it."""
        status = self._answer()
        self._waiting = False
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End the forker, which is waiting for a job, or for the target of a test that failed."""
        self._process.kill()
        self._process.communicate()

    def _launch(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def _answer(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@dataclass
class CrashLake:
    """One lake, and how runs over it ended."""

    place: LakePlace
    folder: Path
    forker: Forker
    options: dict[str, Any] = field(default_factory=dict)
    runs: int = 0

    @cached_property
    def storage(self) -> Storage:
        return open_storage(self.place.path, scratch="shop", s3=self.place.s3)

    @property
    def log(self) -> CommitLog:
        return CommitLog(self.storage, "shop")

    def run(
        self,
        *arguments: str,
        until: int = source.SIZE,
        start: int | None = None,
        fail_at: str = "",
        trace: str = "",
        attach: Callable[[int], contextlib.AbstractContextManager[None]] | None = None,
    ) -> int:
        """Run a tap and a target from the lake's STATE, as `lake run` does, and return how the target ended."""
        self.runs += 1
        head = self.log.head()
        lines = source.messages(source.position(head.state if head else None) if start is None else start, until)
        self._write("messages", "".join(f"{line}\n" for line in lines))
        config = {**self.place.target_config, "source": "shop", "commit": BOUNDS, "max_rejected_fraction": 1}
        self._write("config.json", json.dumps({**config, **self.options}))
        pid = self.forker.start(
            arguments=["-c", str(self.folder / "config.json"), "--log-level", "error", *arguments],
            env={"LAKE_FAIL_AT": fail_at, "LAKE_FAIL_TRACE": trace, **self._credentials()},
            stdin=str(self.folder / "messages"),
            stdout=str(self.folder / "stdout"),
            stderr=str(self.folder / "stderr"),
            stop=attach is not None,
        )
        if attach is None:
            return self.forker.wait()
        with attach(pid):
            os.kill(pid, signal.SIGCONT)
            return self.forker.wait()

    def trace(self, **options: Any) -> list[str]:
        """Run to the end, and return the steps of the protocol in the order in which they were reached."""
        path = self.folder / "trace"
        path.unlink(missing_ok=True)
        assert self.run(trace=str(path), **options) == 0, self.errors()
        return path.read_text().split()

    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def printed(self) -> list[str]:
        """Return every STATE that was printed, by any of the runs."""
        path = self.folder / "stdout"
        return path.read_text().splitlines() if path.exists() else []

    def check_consistent(self) -> int:
        """Check what readers see after a crash, before anybody recovers, and return the record it goes up to."""
        commits = History(self.storage, "shop").commits()
        seen = self.by_catalog()
        upto = next(end for end in range(source.SIZE + 1) if sum(source.landed(0, end).values()) == sum(seen.values()))
        assert seen == source.landed(0, upto), "readers see a commit, and nothing but whole ones"
        globbed = self.by_glob()
        assert globbed <= source.landed(0, source.SIZE), "a glob sees no row twice"
        assert globbed >= seen, "a glob sees what is published"
        printed = source.position(self.printed()[-1]) if self.printed() else 0
        assert source.landed(0, printed) <= seen, "a STATE that was printed is readable"
        return len(commits)

    def check_complete(self, end: int = source.SIZE) -> None:
        """Check a lake after a run that got to its end: every record once, and nothing left over."""
        assert self.by_catalog() == source.landed(0, end)
        assert self.by_glob() == source.landed(0, end)
        assert self.rejected() == source.rejected(0, end)
        head = self.log.head()
        assert head
        assert source.position(head.state) == end
        assert source.position(self.printed()[-1]) == end
        assert self.leftovers() == 0

    def by_catalog(self) -> Counter[tuple[str, int]]:
        if not self.log.head() or not History(self.storage, "shop").commits():
            return Counter()
        catalog = Catalog(self.place.path, s3=self.place.s3)
        return Counter(
            (stream, number)
            for stream in catalog
            for number in catalog[stream].read(columns=["id"]).column("id").to_pylist()
        )

    def by_glob(self) -> Counter[tuple[str, int]]:
        return Counter(
            (stream, number)
            for stream in "ab"
            for file in self.storage.list(layout.stream_prefix("shop", stream))
            for number in pq.read_table(pa.BufferReader(self.storage.read(file.key))).column("id").to_pylist()
        )

    def rejected(self) -> Counter[tuple[str, int]]:
        files = list(self.storage.list(layout.rejected_prefix("shop")))
        texts = [line for file in files for line in gzip.decompress(self.storage.read(file.key)).splitlines()]
        lines = [json.loads(text) for text in texts]
        return Counter((line["stream"], json.loads(line["raw"])["id"]) for line in lines)

    def leftovers(self) -> int:
        """Return how many staged files there are, by removing them."""
        return self.storage.sweep(("landing/shop", layout.rejected_prefix("shop")), lambda _: True)

    def _write(self, name: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def _credentials(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@contextlib.contextmanager
def started_forker(program: str = "target-datalake") -> Iterator[Forker]:
    forker = Forker(program)
    try:
        yield forker
    finally:
        forker.close()
