"""The layout's version: older ones are read, the first writer notes its own, a newer one is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from target_datalake import layout
from target_datalake.errors import ConfigError, StorageError
from target_datalake.lake_format import check_format
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from target_datalake.storage import Storage


@pytest.fixture
def storage(lake_place) -> Storage:
    return open_storage(lake_place.path, scratch="shop", s3=lake_place.s3)


def version(storage: Storage) -> object:
    return json.loads(storage.read(layout.FORMAT_KEY))


def test_a_writer_notes_its_layout_in_a_new_lake_and_a_reader_does_not(storage):
    check_format(storage, write=False)
    assert list(storage.list("_lake")) == []
    check_format(storage, write=True)
    assert version(storage) == {"layout": layout.FORMAT_VERSION}


def test_the_first_writer_upgrades_an_older_lake_and_a_reader_leaves_it(storage, monkeypatch):
    check_format(storage, write=True)
    monkeypatch.setattr(layout, "FORMAT_VERSION", layout.FORMAT_VERSION + 1)
    check_format(storage, write=False)
    assert version(storage) == {"layout": layout.FORMAT_VERSION - 1}
    check_format(storage, write=True)
    assert version(storage) == {"layout": layout.FORMAT_VERSION}


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_lake_is_refused(storage, write):
    storage.put(layout.FORMAT_KEY, b'{"layout": 999}')
    with pytest.raises(ConfigError, match="layout 999") as caught:
        check_format(storage, write=write)
    assert caught.value.exit_code == 2
    assert version(storage) == {"layout": 999}


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"layout": "1"}', '{"layout": 1.5}', '{"layout": true}'])
def test_a_damaged_version_says_what_it_should_be(storage, text):
    storage.put(layout.FORMAT_KEY, text.encode())
    with pytest.raises(StorageError, match="format file is damaged"):
        check_format(storage, write=True)
