"""Singer messages on stdin become Parquet by dlt, which does not validate. Argument: how many records an item holds."""

from __future__ import annotations

import sys

import dlt
import orjson

BATCH = 10_000


def streams():  # noqa: ANN201 - dlt reads the generator
    """Yield the records, table by table, in batches."""
    held = {}
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        if message["type"] != "RECORD":
            continue
        rows = held.setdefault(message["stream"], [])
        rows.append(message["record"])
        if len(rows) == BATCH:
            yield dlt.mark.with_table_name(rows, message["stream"])
            held[message["stream"]] = []
    for name, rows in held.items():
        yield dlt.mark.with_table_name(rows, name)


pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem("lake"), dataset_name="landing")
pipeline.run(dlt.resource(streams, name="streams"), loader_file_format="parquet")
