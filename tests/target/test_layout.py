"""Names become folders: injectively, and never outside the lake."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_datalake import layout
from target_datalake.errors import ConfigError

NAMES = st.text(min_size=1, max_size=16)


@given(NAMES, NAMES)
def test_no_two_names_share_a_folder(one, other):
    assert (layout.encode_name(one) == layout.encode_name(other)) == (one == other)


@given(NAMES)
def test_a_folder_is_one_plain_part_of_a_path(name):
    assert re.fullmatch(r"[A-Za-z0-9%-][A-Za-z0-9%_.-]*", layout.encode_name(name))


@pytest.mark.parametrize("name", ["../x", "/x", "%2e%2e", "a\0b", "a\\b", ".hidden", "_hidden", "a~2", "é", "e\u0301"])
def test_hostile_names_stay_inside(name):
    encoded = layout.encode_name(name)
    assert "/" not in encoded
    assert "\\" not in encoded
    assert not encoded.startswith((".", "_"))
    assert "~" not in encoded


@pytest.mark.parametrize("name", ["", "x" * 300, "é" * 100])
def test_names_that_no_file_system_takes_are_refused(name):
    with pytest.raises(ConfigError):
        layout.encode_name(name)


def test_a_generation_is_a_folder_of_its_own():
    assert layout.stream_prefix("shop", "orders") == "landing/shop/orders"
    assert layout.stream_prefix("shop", "orders", 2) == "landing/shop/orders~2"


def test_a_file_tells_its_commit():
    key = f"landing/shop/orders/load_date=2026-01-31/{layout.file_name(42, 3, 'ab')}.parquet"
    assert key.endswith("/00000042-03-ab.parquet")
    assert layout.commit_of(key) == 42
