"""A local page server becomes trials of the tap: beside the floor, beside its peers, and with pages that take time."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.bars import BARE_FETCH, DLT_REST
from bench.environments import make_environment
from bench.measure import measure
from bench.page_server import serving
from bench.rounds import Contender, Trial
from bench.settings import OUT, ROOT
from bench.shapes import REVIEWS
from bench.target_trials import dlt_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.environments import Environment
    from bench.measure import Cost
    from bench.settings import Settings

_PEERS = ROOT / "bench" / "peers"
_SLOW_PAGES, _SLOW_SECONDS, _IN_FLIGHT = 600, 0.05, 8  # of fewer pages, the start would be much of the faster run

CURSOR = {"type": "cursor", "param": "cursor", "next": "meta.next"}
COUNTED = {"type": "page", "param": "page", "total": "meta.total"}


def tap_trials(settings: Settings) -> Iterator[Trial]:
    """Yield the trials of the tap, each while its server runs."""
    with serving(REVIEWS, settings.records) as url, serving(REVIEWS, settings.peer_records) as short:
        yield Trial("tap", "Tap: reviews from a local API, 1000 a page", list(_plain(settings, url, short)))
    records = _SLOW_PAGES * 1000
    with serving(REVIEWS, records, delay_seconds=_SLOW_SECONDS) as url:
        slow = [
            _ours(f"{width} in flight", tap_config(url, COUNTED, concurrency=width), records, rounds=2)
            for width in (_IN_FLIGHT, 1)
        ]
        yield Trial("slow", f"Tap: {_SLOW_PAGES} pages that take 50 ms each", slow)


def tap_config(url: str, pagination: dict[str, Any], **limits: int) -> dict[str, Any]:
    """Return the tap's configuration for the reviews of a server."""
    stream = {
        "name": "reviews",
        "path": "/reviews",
        "records": "data",
        "primary_key": ["id"],
        "schema": dict(REVIEWS.schema),
        "pagination": pagination,
    }
    if pagination is CURSOR:
        stream["replication"] = {"key": "updated_at", "sorted": "asc"}
    return {"base_url": url, "streams": [stream], **({"limits": limits} if limits else {})}


def _plain(settings: Settings, url: str, short: str) -> Iterator[Contender]:
    records, fewer = settings.records, settings.peer_records
    yield _ours("ours", tap_config(url, CURSOR), records)
    yield _ours("ours, a full table", tap_config(url, COUNTED), records)
    floor = [sys.executable, "-m", "bench.floors", "fetch", f"{url}/reviews"]
    yield Contender(BARE_FETCH, lambda: measure(floor, cwd=ROOT), records)
    if not settings.has_peers:
        return
    yield _script("requests and singer-python", [sys.executable], "singer_tap.py", short, fewer)
    sdk, dlt = make_environment("meltano-sdk"), make_environment("dlt")
    yield _script("Meltano SDK 0.54", sdk, "sdk_tap.py", short, fewer)
    yield _dlt("dlt 1.31, records not written", dlt, "iterate", short, fewer)


def _ours(name: str, config: dict[str, Any], records: int, rounds: int = sys.maxsize) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config))
            command = [sys.executable, "-m", "tap_rest_api.cli", "--config", "config.json", "--log-level", "warning"]
            return measure(command, cwd=Path(folder))

    return Contender(name, run, records, rounds)


def _script(name: str, python: Environment | list[str], script: str, url: str, records: int) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            schema = Path(folder) / "schema.json"
            schema.write_text(json.dumps(REVIEWS.schema))
            start = python if isinstance(python, list) else [str(python.program("python"))]
            return measure([*start, str(_PEERS / script), f"{url}/reviews", str(schema)], cwd=Path(folder))

    return Contender(name, run, records, rounds=2)


def _dlt(name: str, dlt: Environment, what: str, url: str, records: int) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            command = [dlt.program("python"), _PEERS / "dlt_rest.py", what, url]
            return measure(command, cwd=Path(folder), env=dlt_settings(Path(folder)))

    return Contender(name, run, records, rounds=2)


def dlt_to_parquet(dlt: Environment, url: str, records: int) -> Contender:
    """Return dlt's own way from the API to Parquet."""
    return _dlt(DLT_REST, dlt, "parquet", url, records)
