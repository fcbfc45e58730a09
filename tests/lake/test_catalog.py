from __future__ import annotations

import json

import pytest

import lake
from lake import Catalog
from lake.errors import NotALakeError, UnknownDatasetError
from target_datalake.errors import NotFoundError
from tests.lake.writer import LakeWriter, Part, ids, numbered


def open_catalog(writer: LakeWriter) -> Catalog:
    return Catalog(writer.place.path, s3=writer.place.s3)


@pytest.fixture
def two_sources(local_lake: LakeWriter) -> Catalog:
    """`orders` in the sources `shop` and `depot`, `clerks` in `depot` alone."""
    local_lake.commit(Part(numbered(1)))
    LakeWriter(local_lake.place, "depot").commit(Part(numbered(2)), Part(numbered(3), stream="clerks"))
    return open_catalog(local_lake)


def test_a_catalog_is_a_mapping_of_names_to_datasets(lake_storage):
    lake_storage.commit(Part(numbered(1, 2)), Part(numbered(3), stream="shops"))
    catalog = open_catalog(lake_storage)
    assert list(catalog) == ["orders", "shops"]
    assert len(catalog) == 2
    assert "orders" in catalog
    assert "order" not in catalog
    assert {name: dataset.read().num_rows for name, dataset in catalog.items()} == {"orders": 2, "shops": 1}


@pytest.mark.parametrize("name", ["orders", "landing.orders", "landing.shop.orders"])
def test_a_dataset_goes_by_three_names(local_lake, name):
    local_lake.commit(Part(numbered(1)))
    assert open_catalog(local_lake)[name].name == "landing.shop.orders"


def test_an_unknown_name_is_a_key_error_with_the_near_misses(local_lake):
    local_lake.commit(Part(numbered(1)), Part(numbered(2), stream="shops"))
    with pytest.raises(KeyError) as caught:
        open_catalog(local_lake)["ordrs"]
    assert str(caught.value) == "there is no dataset 'ordrs'; did you mean 'orders'?"


def test_a_name_like_no_other_gets_the_list_of_all(local_lake):
    local_lake.commit(Part(numbered(1)))
    with pytest.raises(UnknownDatasetError, match="there is no dataset 'zzz'; the datasets are: orders"):
        open_catalog(local_lake)["zzz"]


def test_a_stream_of_two_sources_is_listed_and_read_by_its_full_names(two_sources):
    assert list(two_sources) == ["clerks", "landing.depot.orders", "landing.shop.orders"]
    assert ids(two_sources["landing.shop.orders"].read()) == [1]
    assert ids(two_sources["landing.depot.orders"].read()) == [2]
    assert ids(two_sources["clerks"].read()) == [3]


@pytest.mark.parametrize("name", ["orders", "landing.orders"])
def test_a_name_that_two_sources_share_is_a_key_error_that_lists_both(two_sources, name):
    with pytest.raises(KeyError, match=r"use one of: landing\.depot\.orders, landing\.shop\.orders"):
        two_sources[name]


def test_a_stream_named_like_a_full_name_does_not_hide_it(local_lake):
    local_lake.commit(Part(numbered(1)), Part(numbered(2), stream="landing.shop.orders"))
    assert ids(open_catalog(local_lake)["landing.shop.orders"].read()) == [1]


@pytest.mark.parametrize("stream", ["a/b", "..", "~2", "_x", "été", "a'b\"", "x" * 200])
def test_any_name_of_a_stream_is_a_name_in_the_catalog(local_lake, stream):
    local_lake.commit(Part(numbered(1), stream=stream))
    catalog = open_catalog(local_lake)
    assert list(catalog) == [stream]
    assert ids(catalog[stream].read()) == [1]


def test_a_catalog_shows_what_has_landed_since_it_was_opened(local_lake):
    local_lake.commit(Part(numbered(1)))
    catalog = open_catalog(local_lake)
    dataset = catalog["orders"]
    assert ids(dataset.read()) == [1]
    local_lake.commit(Part(numbered(2)), Part(numbered(9), stream="shops"))
    LakeWriter(local_lake.place, "depot").commit(Part(numbered(3), stream="clerks"))
    assert ids(dataset.read()) == [1, 2]
    assert list(catalog) == ["clerks", "orders", "shops"]


@pytest.mark.parametrize("layout", ["sectioned", "flat"])
def test_a_configuration_file_names_the_lake(lake_storage, tmp_path, monkeypatch, layout):
    lake_storage.commit(Part(numbered(1)))
    target = {**lake_storage.place.target_config, "source": "shop"}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(target if layout == "flat" else {"tap": {}, "target": target}))
    monkeypatch.chdir(tmp_path)
    assert list(Catalog("config.json")) == ["orders"]


def test_a_folder_that_is_no_lake_is_told_apart(tmp_path):
    with pytest.raises(NotALakeError, match="there is no lake here; check the path"):
        Catalog(tmp_path)


def test_a_folder_that_is_not_there_is_told_apart(tmp_path):
    with pytest.raises(NotALakeError, match="no such folder or configuration file"):
        Catalog(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_lake_without_commits_is_an_empty_catalog(local_lake):
    local_lake.commit(Part(numbered(1)), publish=False)
    catalog = open_catalog(local_lake)
    assert list(catalog) == []
    assert repr(catalog) == f"<Catalog {local_lake.place.path}: no datasets yet>"


def test_the_repr_says_what_is_there(two_sources):
    assert repr(two_sources).endswith("/lake: clerks, landing.depot.orders, landing.shop.orders>")
    assert repr(two_sources["clerks"]) == "<Dataset landing.depot.clerks: 1 rows in 1 files>"


def test_the_package_offers_what_it_says():
    assert lake.Catalog is Catalog
    assert lake.Dataset.__name__ == "Dataset"
    with pytest.raises(AttributeError, match="has no attribute 'Katalog'"):
        lake.Katalog  # noqa: B018 - the access is the test


def test_a_missing_schema_document_is_an_error_for_people(local_lake):
    commit = local_lake.commit(Part(numbered(1)))
    local_lake.storage.delete(f"_lake/schemas/shop/orders/{commit.schemas['orders']}.json")
    with pytest.raises(NotFoundError):
        open_catalog(local_lake)["orders"].read()
