"""``python -m bench.build``: what `lake build` costs over many landing rows, made anew and merged, and its peak memory.

The rows are made once, 12 columns and some 350 bytes of JSON each, one in ten a later version of an earlier row.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.measure import measure
from target_datalake import layout
from target_datalake.arrow_schema import StreamSchema, file_schema, schema_id, to_document
from target_datalake.commit_log import CommitLog
from target_datalake.commits import DataFile, StreamCounts, follow, new_commit_id
from target_datalake.lake_format import check_format
from target_datalake.parquet import Footer, ParquetFile
from target_datalake.stores import open_storage

OUT = Path(__file__).parent / "out"
COMMIT_ROWS = 500_000
BATCH_ROWS = 50_000
AGAIN = 0.1
"""Which part of the rows has the id of an earlier one."""

SOURCE, STREAM = "bench", "reviews"

COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("product_id", pa.int64()),
        ("brand", pa.string()),
        ("model", pa.string()),
        ("rating", pa.int64()),
        ("title", pa.string()),
        ("body", pa.string()),
        ("author", pa.struct([("name", pa.string()), ("countrycode", pa.string()), ("verified", pa.bool_())])),
        ("tags", pa.list_(pa.field("element", pa.string()))),
        ("price_paid", pa.decimal128(38, 2)),
        ("created_at", pa.timestamp("us", "UTC")),
        ("updated_at", pa.timestamp("us", "UTC")),
    ]
)

_WORDS = "soft dry night leak fits snug skin gentle price pack size day baby sleeps through small large again".split()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.build", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="1GB")
    options = parser.parse_args()
    folder = OUT / f"build-{options.rows}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        write_rows(folder / "lake", options.rows)
        write_project(folder)
        (folder / "done").touch()
    print(f"{options.rows:,} landing rows, --memory-limit {options.memory_limit}\n")
    print(f"{'':34}{'rows/s':>11}{'wall s':>9}{'CPU s':>8}{'peak MiB':>10}")
    command = [sys.executable, "-m", "lake.cli", "build", "-c", "config.json", "--memory-limit", options.memory_limit]
    for name, more in (
        ("latest row of each key (default)", ["clean.reviews", "--full"]),
        ("an aggregate over it", ["--select", "business.brand_ratings", "--full"]),
        ("nothing to do", []),
    ):
        cost = measure([*command, *more], stdin=None, cwd=folder)
        rate = options.rows / cost.wall_seconds
        print(f"{name:34}{rate:>11,.0f}{cost.wall_seconds:>9.2f}{cost.cpu_seconds:>8.2f}{cost.peak_mib:>10.0f}")
    add_rows(folder / "lake", 10_000, options.rows)
    cost = measure([*command, "clean.reviews"], stdin=None, cwd=folder)
    print(
        f"{'10,000 new rows merged':34}{'':>11}{cost.wall_seconds:>9.2f}{cost.cpu_seconds:>8.2f}{cost.peak_mib:>10.0f}"
    )


def write_project(folder: Path) -> None:
    """Write a configuration and one business dataset."""
    config = {"tap": {}, "target": {"path": "lake", "source": SOURCE}, "lake": {}}
    (folder / "config.json").write_text(json.dumps(config))
    path = folder / "zones/business/brand_ratings.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "-- primary key: brand\n\n"
        "SELECT brand, count(*) AS reviews, avg(rating) AS mean_rating FROM clean.reviews GROUP BY brand\n"
    )


def write_rows(path: Path, count: int) -> None:
    """Land rows in a new lake, in commits of half a million."""
    storage = open_storage(str(path), scratch=SOURCE)
    check_format(storage, write=True)
    for start in range(0, count, COMMIT_ROWS):
        add_rows(path, min(COMMIT_ROWS, count - start), start)


def add_rows(path: Path, count: int, start: int) -> None:
    """Land one commit of rows; one in ten has the id of an earlier one."""
    storage = open_storage(str(path), scratch=SOURCE)
    log = CommitLog(storage, SOURCE)
    head = log.recover()
    n, commit_id = (head.n + 1 if head else 1), new_commit_id()
    schema = StreamSchema(STREAM, ("id",), {"type": "object"}, COLUMNS)
    document = to_document(schema)
    known = schema_id(document)
    storage.put_if_absent(layout.schema_key(SOURCE, STREAM, known), document)
    key = f"{layout.stream_prefix(SOURCE, STREAM)}/load_date=2026-01-31/{layout.file_name(n, 0, commit_id)}.parquet"
    footer = Footer(SOURCE, STREAM, n, commit_id, known, None)
    file = ParquetFile(storage.stage(key), file_schema(schema), footer, "zstd")
    draw = np.random.default_rng(n)
    for offset in range(0, count, BATCH_ROWS):
        file.write(_batch(draw, min(BATCH_ROWS, count - offset), start + offset, n, file.schema))
    staged: DataFile = file.finish()
    commit = follow(
        head,
        SOURCE,
        now_us=time.time_ns() // 1000,
        id=commit_id,
        run="bench",
        streams={STREAM: StreamCounts(count, count, 0)},
        schemas={STREAM: known},
        add=(staged,),
    )
    log.append(commit)
    log.publish(commit)


def _batch(draw: np.random.Generator, count: int, start: int, n: int, schema: pa.Schema) -> pa.RecordBatch:
    ids = np.arange(start, start + count)
    again = draw.random(count) < AGAIN
    ids[again] = draw.integers(0, max(start, 1), again.sum())
    words = np.array(_WORDS)
    texts = [" ".join(random.choices(_WORDS, k=12)) for _ in range(2000)]
    moments = pa.array(1_769_000_000_000_000 + ids * 1_000_000, pa.timestamp("us", "UTC"))
    columns = {
        "id": pa.array(ids),
        "product_id": pa.array(draw.integers(1, 5000, count)),
        "brand": pa.array(np.array(["Tiny", "Cloud", "Bamboo", "Moon"])[draw.integers(0, 4, count)]),
        "model": pa.array([f"Model {number}" for number in draw.integers(0, 40, count)]),
        "rating": pa.array(draw.integers(1, 6, count)),
        "title": pa.array(words[draw.integers(0, len(words), count)]),
        "body": pa.array(np.array(texts)[draw.integers(0, len(texts), count)]),
        "author": pa.StructArray.from_arrays(
            [
                pa.array([f"Author {number}" for number in draw.integers(0, 10_000, count)]),
                pa.array(["NL"] * count),
                pa.array(~again),
            ],
            fields=list(COLUMNS.field("author").type),
        ),
        "tags": pa.array(
            [[_WORDS[a], _WORDS[b]] for a, b in draw.integers(0, len(_WORDS), (count, 2))], COLUMNS.field("tags").type
        ),
        "price_paid": pa.array(draw.integers(5, 99, count)).cast(pa.decimal128(38, 2)),
        "created_at": moments,
        "updated_at": moments,
        "_sdc_received_at": moments,
        "_sdc_sequence": pa.array((n << 40) + np.arange(start, start + count)),
    }
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in schema]
    return pa.RecordBatch.from_arrays([array.cast(field.type) for array, field in zip(arrays, schema, strict=True)],
                                      schema=schema)  # fmt: skip


if __name__ == "__main__":
    main()
