"""Every option of the target changes what it says; docs/target.md has a row for each, with an example that is right."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_datalake.config import check, load_schema
from target_datalake.errors import TargetError
from target_datalake.lake_format import check_format
from target_datalake.rewind import answer_rewind
from target_datalake.run import _open_log as open_log
from tests.target.world import SCHEMA, World, record, records, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = re.compile(r'^\| `(?P<option>[^`]+)` \| `(?P<example>"[^`]*)` \|')
TEXT = (Path(__file__).parents[2] / "docs" / "target.md").read_text("utf-8")
EXAMPLES = {match["option"]: match["example"] for match in map(ROW.match, TEXT.splitlines()) if match}

WIDER = {**SCHEMA, "properties": {**SCHEMA["properties"], "mail": {"type": "string", "format": "email"}}}


def end(world: World, *lines: str, tap_succeeded: bool | None = None, **options: Any) -> int:
    """Run to the end, and return the exit code."""
    try:
        world.run(*lines, tap_succeeded=tap_succeeded, **options)
    except TargetError as error:
        return error.exit_code
    return 0


def bad(count: int, **options: Any) -> Callable[[World], int]:
    lines = [schema(), *records(range(30)), *(record("x") for _ in range(count)), state(1)]
    return lambda world: end(world, *lines, **options)


def commits(**bounds: float) -> Callable[[World], int]:
    def count(world: World) -> int:
        world.run(schema(), record(1), state(1), record(2), state(2), **({"commit": bounds} if bounds else {}))
        return world.log.head().n

    return count


def tail(**options: Any) -> Callable[[World], list[int]]:
    def landed(world: World) -> list[int]:
        world.run(schema(), record(1), state(1), record(2), tap_succeeded=False, **options)
        return world.ids()

    return landed


def codec(**options: Any) -> Callable[[World], str]:
    def written(world: World) -> str:
        world.run(schema(), *records(range(100)), state(1), **options)
        (file,) = world.log.head().add
        metadata = pq.read_metadata(pa.BufferReader(world.log.storage.read(file.key)))
        column = metadata.row_group(0).column(0)
        assert (column.statistics.min, column.statistics.max) == (0, 99)
        return column.compression

    return written


def mail(**options: Any) -> Callable[[World], int]:
    line = record(1, record={"id": 1, "mail": "nobody"})

    def rejected(world: World) -> int:
        world.run(schema(document=WIDER), line, state(1), **options)
        return len(world.rejected())

    return rejected


def columns(**options: Any) -> Callable[[World], bool]:
    def has_raw(world: World) -> bool:
        world.run(schema(), record(1), state(1), **options)
        return "_sdc_raw" in world.glob().column_names

    return has_raw


def change(**options: Any) -> Callable[[World], int]:
    def code(world: World) -> int:
        world.run(schema(), record(1), state(1))
        return end(world, schema(document=WIDER), record(2), state(2), **options)

    return code


def conflict(**options: Any) -> Callable[[World], int]:
    document = {"type": "object", "properties": {"id": {"type": "string"}}}

    def code(world: World) -> int:
        world.run(schema(), record(1), state(1))
        return end(world, schema(document=document), record("x"), state(2), **options)

    return code


def folders(**options: Any) -> Callable[[World], set[str]]:
    def found(world: World) -> set[str]:
        world.run(schema(), record(1), record(2), state(1), **options)
        return {re.sub("load_date=[0-9-]*", "load_date", file.key.rpartition("/")[0]) for file in world.log.head().add}

    return found


def opened(**options: Any) -> Callable[[World], tuple[str, str]]:
    def names(world: World) -> tuple[str, str]:
        log = open_log(world.config(**options))
        return Path(log.storage.uri).name, log.source

    return names


def rewound(**options: Any) -> Callable[[World], int | str]:
    def answer(world: World) -> int | str:
        check_format(world.log.storage, write=True)
        world.run(schema(), record(1), state(1))
        world.run(schema(), record(2), state(2))
        log, config = world.log, world.config(**options)
        try:
            found = answer_rewind(log, log.recover(), '{"at": 1}', config.on_rewind, 0)
        except TargetError as error:
            return error.exit_code
        return "append" if found is None else "replace"

    return answer


HERE = "landing/shop/orders/load_date"
BEHAVIOURS: dict[str, list[tuple[Callable[[World], Any], Any]]] = {
    "path": [(opened(path="there"), ("there", "shop")), (opened(path="elsewhere"), ("elsewhere", "shop"))],
    "source": [(opened(path="there", source="other"), ("there", "other"))],
    "on_invalid": [(bad(1), 0), (bad(1, on_invalid="fail"), 5)],
    "max_rejected_fraction": [
        *(
            (bad(19), 0),
            (bad(20), 5),
            (bad(20, max_rejected_fraction=0.4), 0),
            (bad(20, max_rejected_fraction=0.39), 5),
        ),
        *((bad(19, max_rejected_fraction=0), 0), (bad(20, max_rejected_fraction=0), 5)),
    ],
    "on_schema_change": [
        *((change(), 0), (change(on_schema_change="fail"), 2)),
        *((conflict(), 2), (conflict(on_schema_change="new_generation"), 0)),
    ],
    "commit.max_rows": [(commits(), 1), (commits(max_rows=1), 2)],
    "commit.max_bytes": [(commits(), 1), (commits(max_bytes=10), 2)],
    "commit.max_age_seconds": [(commits(), 1), (commits(max_age_seconds=0), 2)],
    "commit_tail": [(tail(), [1]), (tail(commit_tail="always"), [1, 2])],
    "on_rewind": [(rewound(), "append"), (rewound(on_rewind="replace"), "replace"), (rewound(on_rewind="fail"), 7)],
    "compression": [
        (codec(), "ZSTD"),
        (codec(compression="snappy"), "SNAPPY"),
        (codec(compression="gzip"), "GZIP"),
        (codec(compression="lz4"), "LZ4"),
        (codec(compression="none"), "UNCOMPRESSED"),
    ],
    "keep_raw": [(columns(), False), (columns(keep_raw=True), True)],
    "formats": [(mail(), 0), (mail(formats="all"), 1)],
    "streams.X.partition_by": [
        (folders(streams={"orders": {"partition_by": ["id"]}}), {f"{HERE}/by_id=1", f"{HERE}/by_id=2"}),
        (folders(streams={"others": {"partition_by": ["id"]}}), {HERE}),
    ],
    "streams.X.keep_raw": [
        (columns(streams={"orders": {"keep_raw": True}}), True),
        (columns(keep_raw=True, streams={"orders": {"keep_raw": False}}), False),
    ],
    "streams.X.on_schema_change": [
        (change(streams={"orders": {"on_schema_change": "fail"}}), 2),
        (change(on_schema_change="fail", streams={"orders": {"on_schema_change": "evolve"}}), 0),
    ],
}
ELSEWHERE = {"$schema", "s3"}
"""What the target itself does not read, and what docs/s3.md and its own tests are about."""


def options(properties: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the paths of the options in a schema's properties."""
    found: set[str] = set()
    for name, node in properties.items():
        if name == "streams":
            found |= options(node["additionalProperties"]["properties"], "streams.X.")
        elif "properties" in node and name not in ELSEWHERE:
            found |= options(node["properties"], f"{name}.")
        else:
            found.add(prefix + name)
    return found


def test_every_option_has_a_row_and_a_test():
    known = options(load_schema()["properties"])
    assert set(EXAMPLES) == known
    assert set(BEHAVIOURS) == known - ELSEWHERE


@pytest.mark.parametrize("option", sorted(EXAMPLES))
def test_an_example_is_accepted(option):
    section: dict[str, Any] = {"path": "./lake"}
    example = json.loads(f"{{{EXAMPLES[option]}}}")
    assert option.rpartition(".")[2] in example
    parent = section
    for key in option.split(".")[:-1]:
        parent = parent.setdefault(key, {})
    parent |= example
    check(section, load_schema(), "config.json", "")


CASES = [
    pytest.param(observe, expected, id=f"{option}-{number}")
    for option, cases in BEHAVIOURS.items()
    for number, (observe, expected) in enumerate(cases)
]


@pytest.mark.parametrize(("observe", "expected"), CASES)
def test_an_option_changes_what_it_says(local_world, observe, expected):
    assert observe(local_world) == expected
