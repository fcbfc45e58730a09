"""What stands in the lake is held against the log by its size, on a disk and on S3."""

from __future__ import annotations

import pytest

from lake.catalog import Catalog
from target_datalake.errors import NotFoundError, StorageError
from tests.lake.writer import Part, numbered


def test_an_empty_or_missing_file_is_named(lake_storage):
    for number in (1, 2):
        lake_storage.commit(Part(numbered(number)))
    dataset = Catalog.over(lake_storage.storage)["orders"]
    files = dataset.files()
    dataset.check_sizes(files)
    dataset.check_sizes([])
    lake_storage.storage.put(files[1].key, b"")
    dataset.check_sizes(files[:1])
    with pytest.raises(StorageError, match=r"it has 0 bytes, [\d,]+ were committed") as damaged:
        dataset.check_sizes(files)
    assert files[1].key in damaged.value.show()
    lake_storage.storage.delete(files[0].key)
    with pytest.raises(NotFoundError) as missing:
        dataset.check_sizes(files)
    assert files[0].key in missing.value.show()
