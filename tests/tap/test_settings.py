"""--about lists every option of the configuration, with the default that really holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tap_rest_api.about import to_facts
from tap_rest_api.config import load_config
from tap_rest_api.settings import DEFAULTS

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {option["name"]: option for option in to_facts()["options"]}


def test_every_option_of_every_object_is_listed_and_typed() -> None:
    facts = to_facts()
    definitions = facts["settings"]["definitions"]
    stream = {f"streams[].{name}" for name in definitions["stream"]["properties"]}
    pagination = {f"streams[].pagination.{name}" for name in definitions["pagination"]["properties"]}
    limits = {f"limits.{name}" for name in definitions["limits"]["properties"]}
    assert stream | pagination | limits | {"base_url", "auth.token", "streams[].parent.stream"} <= set(OPTIONS)
    assert all(option["type"] for option in facts["options"])
    assert OPTIONS["auth.type"]["choices"][0] == "none"


def test_what_is_required_and_what_may_hold_a_secret() -> None:
    required = {name for name, option in OPTIONS.items() if option["required"]}
    assert {"base_url", "streams", "streams[].name", "streams[].path", "streams[].replication.key"} <= required
    assert not {"auth", "streams[].params"} & required
    sensitive = {name for name, option in OPTIONS.items() if option["sensitive"] and "." not in name}
    assert sensitive == {"auth", "mask_key", "proxy", "vars"}


def test_the_defaults_are_those_of_a_configuration_that_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    stream = {"name": "a", "path": "/a", "replication": {"key": "at"}}
    path.write_text(json.dumps({"base_url": "https://x.example", "streams": [stream]}))
    config = load_config(str(path), {})
    (found,) = config.streams
    limits, pagination, replication = found.limits, found.pagination, found.replication
    assert replication is not None
    assert DEFAULTS["verify"] == config.verify
    assert DEFAULTS["auth.type"] == found.auth.type
    for name in ("reserve", "retries"):
        assert DEFAULTS[f"limits.{name}"] == getattr(limits, name)
    for name in ("connect_timeout", "read_timeout", "total_timeout"):
        assert DEFAULTS[f"limits.{name}"] == getattr(limits, f"{name}_seconds")
    assert DEFAULTS["limits.concurrency"] == found.concurrency
    for name in ("method", "body_type", "format", "sample", "on_new_field", "selected"):
        assert DEFAULTS[f"stream.{name}"] == getattr(found, name)
    for name in ("type", "stop"):
        assert DEFAULTS[f"pagination.{name}"] == getattr(pagination, name)
    for name in ("sorted", "state", "bounds", "missing"):
        assert DEFAULTS[f"replication.{name}"] == getattr(replication, name)
