"""--about lists every option of the target's configuration, with the default that really holds."""

from __future__ import annotations

from target_datalake.config import load_schema, to_config
from target_datalake.settings import to_settings

OPTIONS = {option["name"]: option for option in to_settings(load_schema())}


def test_every_option_has_a_type_and_a_description():
    assert all(option["type"] for option in OPTIONS.values())
    assert [name for name, option in OPTIONS.items() if not option["description"]] == []
    assert {"commit.max_rows", "streams.*.partition_by", "s3.endpoint_url"} <= set(OPTIONS)
    assert [name for name, option in OPTIONS.items() if option["required"]] == ["path"]


def test_the_defaults_are_those_of_a_configuration_that_says_nothing(tmp_path):
    config = to_config({"path": "lake"}, tmp_path)
    for name in ("source", "on_invalid", "max_rejected_fraction", "commit_tail", "on_rewind", "compression", "formats"):
        assert OPTIONS[name]["default"] == getattr(config, name), name
    for name in ("max_rows", "max_bytes", "max_age_seconds"):
        assert OPTIONS[f"commit.{name}"]["default"] == getattr(config.commit, name)
    for name in ("on_schema_change", "keep_raw"):
        assert OPTIONS[name]["default"] == getattr(config.stream_defaults, name)
