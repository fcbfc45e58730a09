"""``make bench``: records/s, MB/s, CPU and peak memory of the target alone, and of the whole pipe.

Absolute times drift between machines; run it twice before believing a difference.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

from bench.measure import Cost, measure, median_cost
from bench.reviews import write_messages

OUT = Path(__file__).parent / "out"
PAGE_SIZE = 1000

MANY_STREAMS = 200
"""What must still fit in 384 MiB."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each; the median is printed")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {options.records:,} records, {options.runs} runs\n"
    )
    print(f"{'':34}{'records/s':>11}{'MB/s':>8}{'wall s':>9}{'CPU s':>8}{'peak MiB':>10}")
    for streams, name in ((1, "target-datalake, messages on stdin"), (MANY_STREAMS, "the same in 200 streams in turn")):
        show(name, *bench_target(options.records, options.runs, streams), options.records)
    show("lake run, local server to Parquet", *bench_lake_run(options.records, options.runs), options.records)


def bench_target(records: int, runs: int, streams: int = 1) -> tuple[Cost, int]:
    """Return the target's cost, and the bytes of messages it read."""
    path = OUT / f"reviews-{records}-{streams}.jsonl"
    write_messages(path, records, streams)

    def run() -> Cost:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            config = Path(folder) / "config.json"
            config.write_text(json.dumps({"path": "lake", "source": "bench"}))
            command = [sys.executable, "-m", "target_datalake.cli", "--config", "config.json"]
            return measure(command, stdin=path, cwd=Path(folder))

    return median_cost(run, runs), path.stat().st_size


def bench_lake_run(records: int, runs: int) -> tuple[Cost, int]:
    """Return the whole pipe's cost against a local server, and the bytes of the records it served."""
    from examples.marketplace.server import Marketplace  # only this half needs it

    with Marketplace(port=0, key="demo-key", clean=True, advance="manual", reviews=records, gzip=False) as api:

        def run() -> Cost:
            with tempfile.TemporaryDirectory(dir=OUT) as folder:
                write_project(Path(folder), api.url)
                return measure(
                    [sys.executable, "-m", "lake.cli", "run", "-c", "config.json"], stdin=None, cwd=Path(folder)
                )

        cost = median_cost(run, runs)
        sample = api.records("diaper_reviews")[:1000]
        bytes_each = sum(len(json.dumps(record, default=str)) for record in sample) / len(sample)
    return cost, int(bytes_each * records)


def write_project(folder: Path, url: str) -> None:
    """Write the example's configuration for one stream, in large pages, into a folder."""
    example = json.loads(Path("config.example.json").read_text("utf-8"))
    tap = example["tap"]
    tap["base_url"] = f"{url}/v1"
    tap["streams"] = [stream for stream in tap["streams"] if stream["name"] == "diaper_reviews"]
    tap["streams"][0]["pagination"]["size"] = PAGE_SIZE
    if isinstance(tap["streams"][0].get("schema"), str):
        tap["streams"][0]["schema"] = str(Path(tap["streams"][0]["schema"]).absolute())
    example["target"]["path"] = "lake"
    (folder / "config.json").write_text(json.dumps(example))
    catalog = json.loads(Path("catalog.json").read_text("utf-8"))
    catalog["streams"] = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "diaper_reviews"]
    (folder / "catalog.json").write_text(json.dumps(catalog))


def show(name: str, cost: Cost, size: int, records: int) -> None:
    """Print a row."""
    rates = f"{records / cost.wall_seconds:>11,.0f}{size / cost.wall_seconds / 1e6:>8.1f}"
    print(f"{name:34}{rates}{cost.wall_seconds:>9.2f}{cost.cpu_seconds:>8.2f}{cost.peak_mib:>10.0f}")


if __name__ == "__main__":
    import os

    os.environ.setdefault("MARKETPLACE_API_KEY", "demo-key")
    main()
