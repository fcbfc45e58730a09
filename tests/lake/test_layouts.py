"""A lake of every layout that was ever released is read as it was, and written on. ``layouts/<n>`` is one of each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lake import Catalog
from target_datalake import layout
from tests.lake.writer import LakeWriter, Part, ids, numbered
from tests.places import LakePlace

LAYOUTS = Path(__file__).with_name("layouts")


@pytest.fixture(params=sorted(path.name for path in LAYOUTS.iterdir()))
def old_lake(request, tmp_path) -> Path:
    shutil.copytree(LAYOUTS / request.param, tmp_path / "lake")
    return tmp_path / "lake"


def test_there_is_one_of_todays_layout():
    assert LAYOUTS.joinpath(str(layout.FORMAT_VERSION)).is_dir()


def test_it_is_read_as_it_was_and_left_as_it_is(old_lake):
    before = {path: path.read_bytes() for path in old_lake.rglob("*") if path.is_file()}
    orders = Catalog(old_lake)["orders"]
    assert ids(orders.read()) == [1, 2, 3, 4]
    assert ids(orders.read(versions="all")) == [1, 2, 1, 2, 3, 4]
    assert ids(orders.read(as_of=1)) == [1, 2]
    assert [json.loads(line["raw"]) for line in orders.rejected()] == [{"id": "x"}]
    assert [entry.landed for entry in orders.history()] == [2, 3, 1]
    assert orders.key_properties == ("id",)
    assert {path: path.read_bytes() for path in old_lake.rglob("*") if path.is_file()} == before


def test_it_is_written_on_and_says_its_new_layout(old_lake):
    LakeWriter(LakePlace("local", str(old_lake))).commit(Part(numbered(5)))
    assert ids(Catalog(old_lake)["orders"].read()) == [1, 2, 3, 4, 5]
    assert json.loads((old_lake / layout.FORMAT_KEY).read_text()) == {"layout": layout.FORMAT_VERSION}
