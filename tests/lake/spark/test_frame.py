"""What `read("spark")` says where Spark cannot be had."""

from __future__ import annotations

import sys

import pytest

from lake.catalog import Catalog
from lake.errors import MissingExtraError
from tests.lake.writer import Part, numbered


def test_without_pyspark_the_message_says_what_to_install(lake_storage, monkeypatch):
    lake_storage.commit(Part(numbered(1)))
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rest-datalake\[spark\]'") as missing:
        Catalog.over(lake_storage.storage)["orders"].read("spark")
    assert missing.value.exit_code == 2
