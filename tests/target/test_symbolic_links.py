"""Symbolic links where the lake keeps its own files are refused: nothing is read, written or removed behind them."""

import pytest

from target_datalake.errors import StorageError
from target_datalake.stores import open_storage

ENTRY = "_lake/log/shop/00000000000000000002.json"
DATA = "landing/shop/orders/load_date=2026-01-31/00000001-00-aaaa.parquet"


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    return folder


@pytest.fixture
def storage(tmp_path):
    storage = open_storage(str(tmp_path / "lake"), scratch="shop")
    assert storage.put_if_absent(ENTRY.replace("2.json", "1.json"), b"{}")
    return storage


def replace_by_link(path, target):
    if path.is_dir():
        path.rename(path.with_name("moved-away"))
    path.symlink_to(target)


def unchanged(outside):
    return [path.name for path in outside.iterdir()] == ["precious"]


@pytest.mark.parametrize("link", ["_lake/tmp/shop", "_lake/tmp"])
@pytest.mark.parametrize(
    "act",
    [
        lambda storage: storage.stage(DATA),
        lambda storage: storage.put(ENTRY, b"{}"),
        lambda storage: storage.put_if_absent(ENTRY, b"{}"),
        lambda storage: storage.sweep(("landing/shop",), lambda _: True),
    ],
    ids=["stage", "put", "put if absent", "sweep"],
)
def test_a_staging_folder_that_is_a_link_is_refused_and_what_is_behind_it_stays(storage, tmp_path, outside, link, act):
    target = outside if link.endswith("shop") else outside.parent
    replace_by_link(tmp_path / "lake" / link, target)
    if link == "_lake/tmp":
        outside = outside.rename(outside.with_name("shop"))
    with pytest.raises(StorageError) as caught:
        act(storage)
    assert caught.value.exit_code == 6
    assert link in caught.value.where
    assert "symbolic link" in caught.value.fix
    assert unchanged(outside)


@pytest.mark.parametrize("link", ["_lake/log/shop", "_lake/log"])
@pytest.mark.parametrize(
    "act",
    [
        lambda storage: storage.put_if_absent(ENTRY, b"{}"),
        lambda storage: list(storage.list("_lake/log/shop")),
        lambda storage: storage.folders("_lake/log"),
    ],
    ids=["put if absent", "list", "folders"],
)
def test_a_log_that_is_a_link_is_refused(storage, tmp_path, outside, link, act):
    replace_by_link(tmp_path / "lake" / link, outside)
    with pytest.raises(StorageError) as caught:
        act(storage)
    assert link in caught.value.where
    assert unchanged(outside)


def test_a_log_entry_that_is_a_link_is_refused_instead_of_passed_over(storage, tmp_path, outside):
    (tmp_path / "lake" / ENTRY).symlink_to(outside / "precious")
    with pytest.raises(StorageError):
        list(storage.list("_lake/log/shop"))
    with pytest.raises(StorageError):
        storage.read(ENTRY)


def test_a_lake_behind_a_link_is_a_lake(storage, tmp_path, outside):
    (tmp_path / "link").symlink_to(tmp_path / "lake")
    linked = open_storage(str(tmp_path / "link"), scratch="shop")
    linked.publish(_staged(linked))
    assert storage.read(DATA) == b"rows"


def _staged(storage):
    writer = storage.stage(DATA)
    writer.write(b"rows")
    return writer.finish()
