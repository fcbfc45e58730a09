"""What is meant to exhaust the target is bounded: memory, time, and no traceback. Each runs as a process of its own.

LONG_LINE_MB=1000 sends a line of 1 GB.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator

import pytest

from tests.target.world import World, record, schema, state

MEASURED = """
import sys
from target_datalake import cli
try:
    cli.main()
finally:
    status = open("/proc/self/status").read()
    sys.stderr.write("PEAK " + status.split("VmHWM:")[1].split()[0])
"""
LONG_LINE_MB = int(os.environ.get("LONG_LINE_MB", "64"))
MAY_GROW_MB = 64

UNTYPED = {"type": "object", "properties": {"id": {}}}


def run(world: World, chunks: Iterable[bytes]) -> tuple[int, str, float]:
    """Return the exit code, what was said, and the peak of memory in MB."""
    config = world.folder / "config.json"
    config.write_text(json.dumps({"path": world.place.path, "source": world.source, "max_rejected_fraction": 1}))
    command = [sys.executable, "-c", MEASURED, "--config", str(config)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as target:

        def write() -> None:
            with target.stdin:
                for chunk in chunks:
                    target.stdin.write(chunk)

        writer = threading.Thread(target=write)
        writer.start()
        said, _, peak = target.stderr.read().decode().rpartition("PEAK ")
        writer.join()
    return target.returncode, said, int(peak) / 1024


@pytest.fixture
def idle_mb(local_world) -> float:
    return run(local_world, [])[2]


def messages(*lines: str) -> bytes:
    return b"".join(line.encode() + b"\n" for line in lines)


def long_line(size: int) -> Iterator[bytes]:
    yield messages(schema(), record(1))
    yield b'{"type": "RECORD", "stream": "orders", "record": {"id": 2, "name": "'
    for _ in range(size):
        yield b"x" * (1 << 20)
    yield b'"}}\n' + messages(record(3), state(1))


def test_a_line_of_any_length_is_rejected_by_its_digest_in_flat_memory(local_world, idle_mb):
    code, said, peak = run(local_world, long_line(LONG_LINE_MB))
    assert (code, local_world.ids()) == (0, [1, 3]), said
    (reject,) = local_world.rejected()
    assert (reject["reason"], reject["line"], len(reject["sha256"])) == ("size", 3, 64)
    assert reject["bytes"] > LONG_LINE_MB << 20
    assert "raw" not in reject
    assert peak < idle_mb + MAY_GROW_MB


@pytest.mark.parametrize(
    "record_text",
    [
        '{"id": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"id": ' + '{"a":' * 100_000 + "1" + "}" * 100_001,
        '{"id": ' + "9" * 1_000_000 + "}",
        '{"id": 1.' + "9" * 1_000_000 + "}",
        '{"id": 1e' + "9" * 1_000_000 + "}",
        '{"id": "' + "\\ud800" * 100_000 + '"}',
        "{" + ",".join(f'"k{number}":1' for number in range(1_000_000)) + "}",
    ],
    ids=["arrays", "objects", "integer", "decimal", "exponent", "surrogates", "keys"],
)
def test_a_monstrous_record_is_kept_or_rejected_with_a_reason(local_world, idle_mb, record_text):
    monster = f'{{"type": "RECORD", "stream": "orders", "record": {record_text}}}'
    code, said, peak = run(local_world, [messages(schema(document=UNTYPED), monster, record(3), state(1))])
    assert code == 0, said
    rejected = local_world.rejected()
    assert local_world.glob().num_rows + len(rejected) == 2
    assert all((reject["raw"], len(reject["errors"])) == (record_text, 1) for reject in rejected)
    assert peak < idle_mb + MAY_GROW_MB


def nested(levels: int) -> str:
    return '{"allOf":[' * levels + "{}" + "]}" * levels


@pytest.mark.parametrize(
    "document",
    [
        f'{{"type":"object","properties":{{"id":{nested(10_000)}}}}}',
        '{"properties":{"id":{"$ref":"http://127.0.0.1:9/x"}}}',
        '{"properties":{"id":{"$ref":"file:///etc/passwd"}}}',
        '{"properties":{"id":{"multipleOf":0}}}',
        '{"properties":{"id":{"pattern":"(?=a)"}}}',
        "{" + ",".join(f'"k{number}":{{}}' for number in range(600_000)) + "}",
    ],
    ids=["allOf", "http", "file", "multipleOf 0", "lookahead", "keywords"],
)
def test_a_monstrous_schema_is_refused_without_a_traceback(local_world, document):
    line = f'{{"type": "SCHEMA", "stream": "orders", "schema": {document}, "key_properties": []}}'
    code, said, _ = run(local_world, [messages(line, record(1), state(1))])
    assert code == 2
    assert "orders" in said or "line 1" in said
    assert "Traceback" not in said
    assert "root:" not in said
