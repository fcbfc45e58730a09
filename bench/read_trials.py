"""A lake becomes trials of reading: its rows beside pyarrow on the same files, and a log of ten thousand entries."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.measure import Cost, measure
from bench.messages import write_messages
from bench.rounds import Contender, Trial
from bench.settings import OUT
from bench.shapes import REVIEWS
from lake import Catalog
from target_datalake import layout
from target_datalake.checkpoints import write_missing
from target_datalake.commit_log import CommitLog
from target_datalake.commits import DataFile, encode_commit
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.settings import Settings

COMMITS, _FILES_EACH = 10_000, 5


def read_trials(settings: Settings) -> Iterator[Trial]:
    """Yield the trials of reading, each while its lake is there."""
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        lake = _land(Path(folder), settings.records)
        files = sorted(lake.glob("landing/**/*.parquet"))
        _read_dataset(lake), _read_files(files)  # imports, which are not what is measured
        contenders = [
            Contender("catalog[...].read()", _timed(lambda: _read_dataset(lake)), settings.records),
            Contender("pyarrow, the same files", _timed(lambda: _read_files(files)), settings.records),
        ]
        yield Trial("read", "Reading rows as an Arrow table", contenders)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        lake = _land(Path(folder), 1000)
        _lengthen(lake)
        contender = Contender(f"open, list and find in {COMMITS:,} commits", _timed(lambda: _open(lake)), COMMITS)
        yield Trial("open", "Opening a lake", [contender])


def _land(folder: Path, records: int) -> Path:
    (folder / "config.json").write_text(json.dumps({"path": "lake", "source": "bench"}))
    command = [sys.executable, "-m", "target_datalake.cli", "--config", "config.json"]
    measure(command, stdin=write_messages(OUT, REVIEWS, records), cwd=folder)
    return folder / "lake"


def _timed(work: Callable[[], object]) -> Callable[[], Cost]:
    """Time some work in this process, where no import counts."""

    def run() -> Cost:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        taken = time.perf_counter() - wall, time.process_time() - cpu
        return Cost(*taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    return run


def _read_dataset(lake: Path) -> object:
    return Catalog(lake)["reviews"].read()


def _read_files(files: list[Path]) -> object:
    import pyarrow.parquet as pq

    return pq.read_table([str(file) for file in files], partitioning=None)


def _open(lake: Path) -> object:
    catalog = Catalog(lake)
    return list(catalog), catalog["reviews"].facts()


def _lengthen(lake: Path) -> None:
    """Append entries to a log, as ten thousand small commits would have."""
    storage = open_storage(str(lake), scratch="bench")
    log = CommitLog(storage, "bench")
    head = log.head()
    if head is None:
        raise RuntimeError("nothing landed")
    while head.n < COMMITS:
        n, commit_id = head.n + 1, f"{head.n + 1:016x}"
        files = () if n == COMMITS else tuple(_file(head.add, n, index, commit_id) for index in range(_FILES_EACH))
        add = files or head.add[:0]
        head = msgspec.structs.replace(head, n=n, id=commit_id, parent=head.id, add=add)
        path = lake / layout.log_key("bench", n)
        path.write_bytes(encode_commit(head))
    while write_missing(log, COMMITS):
        pass


def _file(like: tuple[DataFile, ...], commit: int, index: int, commit_id: str) -> DataFile:
    key = like[0].key.rpartition("/")[0] + "/" + layout.file_name(commit, index, commit_id)
    return msgspec.structs.replace(like[0], key=key)
