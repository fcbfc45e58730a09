"""The least that anybody could do of the same work, as programs of their own: what a ratio to them shows is overhead.

python -m bench.floors fetch URL            requests and msgspec, each record a RECORD line on stdout
python -m bench.floors parquet FILE 1|2     pyarrow's parser and writer over a file of records, on so many threads
python -m bench.floors read FOLDER          pyarrow reads every Parquet file of a folder
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path


def fetch(url: str) -> None:
    """Fetch all pages and write their records as messages."""
    import msgspec
    import requests

    envelope = msgspec.defstruct("Envelope", [("data", list[msgspec.Raw]), ("meta", dict)])
    decoder = msgspec.json.Decoder(envelope)
    head, tail = b'{"type": "RECORD", "stream": "reviews", "record": ', b', "time_extracted": "2026-01-31T10:00:00Z"}\n'
    session, cursor = requests.Session(), 1
    while cursor:
        answer = session.get(url, params={"cursor": cursor}, stream=True, timeout=60)
        page = decoder.decode(answer.raw.read())
        os.write(1, head + (tail + head).join(page.data) + tail)
        cursor = page.meta["next"]


def parquet(path: str, threads: str) -> None:
    """Parse a file of JSON lines and write it as Parquet, without a look at what is in it."""
    import pyarrow as pa
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    pa.set_cpu_count(int(threads))
    options = pj.ReadOptions(use_threads=int(threads) > 1, block_size=4 << 20)
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder, pj.open_json(path, options) as reader:
        with pq.ParquetWriter(f"{folder}/all.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
        descriptor = os.open(f"{folder}/all.parquet", os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def read(folder: str) -> None:
    """Read every Parquet file of a folder as one table, and print the seconds that took without the import."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(Path(folder).rglob("*.parquet"))
    began = time.perf_counter()
    table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    print(time.perf_counter() - began, table.num_rows)


if __name__ == "__main__":
    {"fetch": fetch, "parquet": parquet, "read": read}[sys.argv[1]](*sys.argv[2:])
