"""`lake rejects --replay`: what a mended schema accepts lands exactly once, the rest stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lake.catalog import Catalog
from lake.held_source import hold_source
from lake.replay import declared_streams, replay_stream
from lake.verify import verify_lake
from target_datalake.lake_format import check_format
from target_datalake.replay import Declared
from tests.lake.crashes import Crash, CrashingStorage
from tests.lake.test_cli import lake
from tests.places import LakePlace
from tests.target.world import World, record, schema, state

NOW = datetime(2026, 2, 1, tzinfo=UTC)

STRICT = {"type": "object", "properties": {"id": {"type": "integer", "maximum": 10}, "name": {"type": "string"}}}
MENDED = Declared(
    {"type": "object", "properties": {"id": {"type": "integer", "maximum": 100}, "name": {"type": "string"}}}, ("id",)
)


def fill(world: World) -> None:
    """Of six records three are rejected: 50 and 60, which the mended schema accepts, and 500."""
    check_format(world.log.storage, write=True)
    extracted = {"time_extracted": "2026-01-31T23:00:00Z"}
    lines = [record(number, **extracted) for number in (1, 50, 2, 500)]
    world.run(schema(document=STRICT), *lines, state(1), max_rejected_fraction=1.0)
    world.run(schema(document=STRICT), record(60), record(3), state(2), max_rejected_fraction=1.0)


def run_replay(world: World, declared: Declared | None = MENDED, storage=None, **options):
    with hold_source(storage or world.log.storage, "shop", NOW) as held:
        return replay_stream(held, "orders", declared, world.config(**options))


def orders(world: World):
    return Catalog(world.place.path, s3=world.place.s3 or None)["orders"]


@pytest.fixture
def world(lake_place, tmp_path) -> World:
    return World(lake_place, tmp_path)


def test_what_is_valid_now_lands_once_with_the_sequence_it_would_have_had(world):
    fill(world)
    done = run_replay(world)
    assert (done.landed, done.still_rejected, done.commit) == (2, 1, 3)
    rows = {row["id"]: row for row in orders(world).read().to_pylist()}
    assert sorted(rows) == [1, 2, 3, 50, 60]
    assert rows[1]["_sdc_sequence"] < rows[50]["_sdc_sequence"] < rows[2]["_sdc_sequence"] < rows[60]["_sdc_sequence"]
    assert rows[50]["_sdc_extracted_at"] == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert [json.loads(line["raw"])["id"] for line in orders(world).rejected()] == [500]
    facts = orders(world).facts()
    assert (facts.received, facts.rows, facts.rejected) == (6, 5, 1)
    assert world.log.head().state == '{"at": 2}'
    assert verify_lake(world.log.storage).findings == ()
    again = run_replay(world)
    assert (again.landed, again.still_rejected, again.commit) == (0, 1, None)


def test_without_a_catalog_the_landed_schema_decides(world):
    fill(world)
    assert run_replay(world, None).landed == 0
    world.run(schema(document=MENDED.json_schema), record(4), state(3))
    assert run_replay(world, None).landed == 2
    assert sorted(orders(world).read().column("id").to_pylist()) == [1, 2, 3, 4, 50, 60]


def test_a_row_goes_to_the_table_version_it_came_with(world):
    full = {"version": 1}
    world.run(schema(document=STRICT), record(1, **full), record(50, **full), state(1), max_rejected_fraction=1.0)
    activate = json.dumps({"type": "ACTIVATE_VERSION", "stream": "orders", "version": 2})
    world.run(schema(document=STRICT), record(2, version=2), activate, state(2))
    assert run_replay(world).landed == 1
    assert orders(world).read().column("id").to_pylist() == [2]
    assert sorted(orders(world).read(versions="all").column("id").to_pylist()) == [1, 2, 50]


def test_text_is_kept_where_the_configuration_says_so(world):
    fill(world)
    run_replay(world, keep_raw=True)
    raw = [text for text in orders(world).read().column("_sdc_raw").to_pylist() if text]
    assert sorted(raw) == ['{"id": 50}', '{"id": 60}']


@pytest.mark.slow
def test_a_crash_at_any_step_lands_each_record_once(tmp_path):
    step, crashed = 0, True
    while crashed:
        world = World(LakePlace("local", str(tmp_path / str(step))), tmp_path)
        fill(world)
        try:
            run_replay(world, storage=CrashingStorage(world.log.storage, step))
            crashed = False
        except Crash:
            step += 1
        seen = orders(world).read().column("id").to_pylist()
        assert sorted(seen) in ([1, 2, 3], [1, 2, 3, 50, 60])
        run_replay(world)
        assert sorted(orders(world).read().column("id").to_pylist()) == [1, 2, 3, 50, 60]
        assert sorted(world.ids()) == [1, 2, 3, 50, 60]
        assert len(orders(world).rejected()) == 1
        assert verify_lake(world.log.storage).findings == ()
    assert step > 6


def test_the_command_takes_the_mended_schema_from_a_catalog(tmp_path):
    world = World(LakePlace("local", str(tmp_path / "lake")), tmp_path)
    fill(world)
    config, catalog = tmp_path / "config.json", tmp_path / "catalog.json"
    config.write_text(json.dumps({"target": {"path": world.place.path, "source": "shop"}}))
    stream = {"tap_stream_id": "orders", "stream": "orders", "schema": MENDED.json_schema, "metadata": []}
    catalog.write_text(json.dumps({"streams": [stream]}))
    unmended = lake("rejects", "orders", "--replay", "-c", str(config))
    assert unmended.stdout == "landing.shop.orders: 0 landed, 3 still rejected.\n"
    assert "--catalog FILE names a mended one" in unmended.stderr
    done = lake("rejects", "orders", "--replay", "-c", str(config), "--catalog", str(catalog))
    assert done.stdout == "landing.shop.orders: 2 landed with commit 3, 1 still rejected.\n"
    again = lake("rejects", "--replay", "-c", str(config), "--catalog", str(catalog), "--json")
    assert [each["landed"] for each in json.loads(again.stdout)] == [0]


@pytest.mark.parametrize("arguments", [["--replay", "--raw"], ["--replay", "--lake", "x"], ["--catalog", "x"]])
def test_what_does_not_go_together_is_refused(arguments):
    done = lake("rejects", *arguments)
    assert done.returncode == 2
    assert "--replay" in done.stderr


@pytest.mark.parametrize("more", [{"metadata": None}, {"metadata": [{"breadcrumb": []}]}, {}])
def test_a_catalog_without_metadata_declares_its_schema_alone(more):
    streams = [{"tap_stream_id": "orders", "schema": {"type": "object"}, **more}]
    assert declared_streams({"streams": streams}) == {"orders": Declared({"type": "object"}, ())}
