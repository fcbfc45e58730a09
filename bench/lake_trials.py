"""A local page server becomes trials of `lake`: whole runs, long ones, runs with nothing to do, and starts."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.environments import make_environment
from bench.measure import measure
from bench.page_server import serving
from bench.rounds import Contender, Trial
from bench.settings import OUT
from bench.shapes import REVIEWS
from bench.tap_trials import CURSOR, dlt_to_parquet, tap_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Cost
    from bench.settings import Settings

_LAKE = [sys.executable, "-m", "lake.cli"]
_FEW = 1000


def lake_trials(settings: Settings) -> Iterator[Trial]:
    """Yield the trials of `lake`, each while its server runs."""
    with serving(REVIEWS, settings.records) as url, serving(REVIEWS, settings.peer_records) as short:
        contenders = [_run("ours", url, settings.records)]
        if settings.has_peers:
            contenders.append(dlt_to_parquet(make_environment("dlt"), short, settings.peer_records))
        yield Trial("lake", "lake run: from a local API to Parquet", contenders)
    longer = settings.records * settings.growth
    with serving(REVIEWS, settings.records) as url, serving(REVIEWS, longer) as long_url:
        times = f"{settings.growth} times as many"
        growth = [_run(times, long_url, longer, rounds=1), _run("as above", url, settings.records)]
        yield Trial("growth", f"lake run: {longer:,} records against {settings.records:,}", growth)
    with serving(REVIEWS, _FEW) as url, tempfile.TemporaryDirectory(dir=OUT) as folder:
        yield Trial("start", "Starts", list(_starts(url, Path(folder))))


def write_project(folder: Path, url: str) -> None:
    """Write a configuration of the server's reviews, and the catalog that `lake discover` would write."""
    tap = tap_config(url, CURSOR)
    tap["streams"][0]["params"] = {"since_id": "${sync.start}"}
    tap["streams"][0]["replication"] = {"key": "id", "sorted": "asc"}
    config: dict[str, Any] = {"tap": tap, "target": {"path": "lake", "source": "bench"}}
    (folder / "config.json").write_text(json.dumps(config))
    measure([*_LAKE, "discover", "-c", "config.json"], cwd=folder)


def _run(name: str, url: str, records: int, rounds: int = sys.maxsize) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            write_project(Path(folder), url)
            return measure([*_LAKE, "run", "-c", "config.json", "--quiet"], cwd=Path(folder))

    return Contender(name, run, records, rounds)


def _starts(url: str, folder: Path) -> Iterator[Contender]:
    write_project(folder, url)
    up_to_date = [*_LAKE, "run", "-c", "config.json", "--quiet"]
    measure(up_to_date, cwd=folder)
    yield Contender("lake run, nothing new", lambda: measure(up_to_date, cwd=folder), 1)
    program = shutil.which("lake", path=str(Path(sys.executable).parent)) or "lake"
    yield Contender("lake --help", lambda: measure([program, "--help"], cwd=folder), 1)
