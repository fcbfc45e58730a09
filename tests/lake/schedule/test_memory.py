"""What a schedule remembers, in a folder and in a bucket."""

from __future__ import annotations

import os

import pytest

from lake.project import Project
from lake.schedule.arrivals import Buckets, look, observe
from lake.schedule.due import look_for_due
from lake.schedule.entries import FileTrigger
from lake.schedule.memory import (
    EntryMemory,
    Memory,
    hold_memory,
    load_memory,
    load_told,
    open_memory,
    save_memory,
    save_told,
)
from lake.verify import verify_lake
from target_datalake.errors import HeldError, StorageError
from tests.lake.schedule.world import START, FakeLook
from tests.lake.writer import Part, numbered


@pytest.fixture
def project(lake_place, tmp_path) -> Project:
    return Project(tmp_path / "config.json", "shop", lake_place.path, tmp_path / "catalog.json", s3=lake_place.s3)


def test_what_is_kept_is_what_is_loaded(project):
    memory = Memory({"nightly": EntryMemory(trigger="0 3 * * * (UTC)", since=1.5, commits={"shop": 3}, exit_code=0)})
    with hold_memory(project) as storage:
        assert load_memory(storage, "shop") == Memory()
        save_memory(storage, "shop", memory)
        save_told(storage, "shop", frozenset({"landing.shop.orders"}))
    storage = open_memory(project)
    assert load_memory(storage, "shop") == memory
    assert load_told(storage, "shop") == {"landing.shop.orders"}


def test_a_file_whose_name_is_no_utf_8_is_remembered_as_any(tmp_path, local_lake):
    (tmp_path / os.fsdecode(b"a\xff.csv")).touch()
    project = Project(tmp_path / "config.json", "shop", local_lake.place.path, tmp_path / "catalog.json")
    found = look(f"{tmp_path}/*.csv", Buckets({}))
    _, due = look_for_due(FileTrigger("x"), None, START.replace(year=2100), FakeLook(found))
    assert due
    due.environment["LAKE_FILES"].encode("ascii")
    with hold_memory(project) as storage:
        memory = Memory({"inbox": due.done})
        save_memory(storage, "shop", memory)
        assert load_memory(storage, "shop") == memory
    assert observe(due.done.files, found, 0) == due.done.files


def test_two_schedulers_of_one_source_are_kept_apart(tmp_path):
    def project(source):
        return Project(tmp_path / "config.json", source, str(tmp_path / "lake"), tmp_path / "catalog.json")

    with (
        hold_memory(project("shop")),
        hold_memory(project("other")),
        pytest.raises(HeldError),
        hold_memory(project("shop")),
    ):
        pass


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"entries": {"x": {}}}', b"\xff", b"[" * 100_000])
def test_damaged_memory_is_an_error_that_names_the_file(tmp_path, data):
    project = Project(tmp_path / "config.json", "shop", str(tmp_path / "lake"), tmp_path / "catalog.json")
    with hold_memory(project) as storage:
        storage.put("_lake/schedule/shop/memory.json", data)
        with pytest.raises(StorageError, match="memory is damaged") as caught:
            load_memory(storage, "shop")
    assert caught.value.where.endswith("_lake/schedule/shop/memory.json")


def test_verify_knows_the_memory(project, lake_storage):
    lake_storage.commit(Part(numbered(1)))
    with hold_memory(project) as storage:
        save_memory(storage, "shop", Memory())
    assert verify_lake(lake_storage.storage).findings == ()
