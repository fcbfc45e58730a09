"""Files of messages become trials of the target: against the floor, against its peers, and in other shapes."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.bars import DLT, PARQUET_TARGET
from bench.environments import make_environment
from bench.fake_bucket import fake_bucket
from bench.measure import measure
from bench.messages import write_messages
from bench.rounds import Contender, Trial
from bench.settings import OUT, ROOT
from bench.shapes import NARROW, REVIEWS, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.environments import Environment
    from bench.measure import Cost
    from bench.settings import Settings

_PEERS = ROOT / "bench" / "peers"
_WIDE_SHARE = 10  # a wide record weighs as much as ten
INTERLEAVED, MANY = 20, 200


def target_trials(settings: Settings) -> Iterator[Trial]:
    """Yield the trials of the target."""
    dlt = make_environment("dlt") if settings.has_peers else None
    yield Trial("target", "Target: reviews from a file, validated, to Parquet", list(_plain(settings, dlt)))
    for name, shape, records, streams in (
        ("narrow", NARROW, settings.records, 1),
        ("wide", WIDE, settings.records // _WIDE_SHARE, 1),
        ("interleaved", REVIEWS, settings.records, INTERLEAVED),
    ):
        path = write_messages(OUT, shape, records, streams)
        few = max(records // 3, 1)
        contenders = [_ours("ours", path, records)]
        if dlt is not None:
            contenders.append(_dlt(dlt, write_messages(OUT, shape, few, streams), few))
        yield Trial(name, f"Target: {_TITLES[name]}", contenders)
    flawed = write_messages(OUT, REVIEWS, settings.records, is_flawed=True)
    clean = write_messages(OUT, REVIEWS, settings.records)
    contenders = [
        _ours("1% invalid", flawed, settings.records),
        _ours("none invalid", clean, settings.records),
    ]
    yield Trial("flawed", "Target: one record in a hundred breaks the schema", contenders)
    many = write_messages(OUT, REVIEWS, settings.records, MANY)
    yield Trial("many", "Target: 200 streams in turn", [_ours("ours", many, settings.records)])


_TITLES = {
    "narrow": "records of 4 fields",
    "wide": "records of 120 fields",
    "interleaved": "reviews in 20 streams in turn",
}


def _plain(settings: Settings, dlt: Environment | None) -> Iterator[Contender]:
    records, fewer = settings.records, settings.peer_records
    path, short = write_messages(OUT, REVIEWS, records), write_messages(OUT, REVIEWS, fewer)
    yield _ours("ours", path, records)
    lines = _bare_records(settings.records)
    for threads in (1, 2):
        yield _floor(f"floor: pyarrow parses and writes, {threads} core{'s' * (threads > 1)}", lines, threads, records)
    if dlt is None:
        return
    yield _dlt(dlt, path, records)
    yield _jsonl_target(make_environment("target-jsonl"), short, fewer)
    yield _parquet_target(make_environment("target-s3"), short, fewer)


def _ours(name: str, path: Path, records: int) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            (Path(folder) / "config.json").write_text(
                json.dumps({"path": "lake", "source": "bench", "max_rejected_fraction": 0.5})
            )
            command = [sys.executable, "-m", "target_datalake.cli", "--config", "config.json"]
            return measure(command, stdin=path, cwd=Path(folder))

    return Contender(name, run, records)


def _bare_records(records: int) -> Path:
    path = OUT / f"bare-{records}.jsonl"
    if not path.exists():
        with path.open("wb") as file:
            for first in range(0, records, REVIEWS.block_records):
                file.write(REVIEWS.text(first, min(REVIEWS.block_records, records - first), b"\n") + b"\n")
    return path


def _floor(name: str, lines: Path, threads: int, records: int) -> Contender:
    command = [sys.executable, "-m", "bench.floors", "parquet", str(lines), str(threads)]
    return Contender(name, lambda: measure(command, cwd=ROOT, env={"OMP_NUM_THREADS": str(threads)}), records)


def _dlt(dlt: Environment, path: Path, records: int) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            command = [dlt.program("python"), _PEERS / "dlt_lines.py"]
            return measure(command, stdin=path, cwd=Path(folder), env=dlt_settings(Path(folder)))

    return Contender(DLT, run, records, rounds=2)


def dlt_settings(folder: Path) -> dict[str, str]:
    """Return the environment in which dlt writes into a folder, and tells nobody."""
    return {
        "DESTINATION__FILESYSTEM__BUCKET_URL": (folder / "lake").as_uri(),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__LOG_LEVEL": "ERROR",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


def _jsonl_target(environment: Environment, path: Path, records: int) -> Contender:
    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            return measure([environment.program("target-jsonl")], stdin=path, cwd=Path(folder))

    return Contender("target-jsonl", run, records, rounds=2)


def _parquet_target(environment: Environment, path: Path, records: int) -> Contender:
    """Return a target of the Meltano SDK that writes Parquet, to a bucket alone: its server runs in this process."""

    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder, fake_bucket() as bucket:
            config = Path(folder) / "config.json"
            aws = {
                "aws_bucket": bucket.name,
                "aws_endpoint_override": bucket.url,
                "aws_region": "us-east-1",
                "aws_access_key_id": "any",
                "aws_secret_access_key": "any",
            }
            kind = {"format_type": "parquet", "format_parquet": {}}
            provider = {"cloud_provider_type": "aws", "aws": aws}
            config.write_text(json.dumps({"format": kind, "cloud_provider": provider, "max_batch_size": records}))
            return measure([environment.program("target-s3"), "--config", config], stdin=path, cwd=Path(folder))

    return Contender(PARQUET_TARGET, run, records, rounds=2)
