"""examples/meltano/meltano.yml knows every setting of both programs, and its configuration is one that they accept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_rest_api.check import load_schema as load_tap_schema
from tap_rest_api.config import load_config as load_tap_config
from target_datalake.config import load_config, load_schema

ROOT = Path(__file__).parents[1]
DOCUMENT = yaml.safe_load((ROOT / "examples" / "meltano" / "meltano.yml").read_text("utf-8"))
TAP = DOCUMENT["plugins"]["extractors"][0]
TARGET = DOCUMENT["plugins"]["loaders"][0]
PROGRAMS = [
    pytest.param(TAP, load_tap_schema(), id="tap-rest-api"),
    pytest.param(TARGET, load_schema(), id="target-datalake"),
]

KINDS = {"array": "array", "object": "object", "boolean": "boolean", "integer": "integer", "number": "decimal"}


def resolve(schema: dict[str, Any], option: dict[str, Any]) -> dict[str, Any]:
    reference = option.get("$ref")
    return option if reference is None else schema["definitions"][reference.rpartition("/")[2]]


@pytest.mark.parametrize(("plugin", "schema"), PROGRAMS)
def test_it_knows_every_setting_and_no_other(plugin, schema):
    settings = {setting["name"]: setting for setting in plugin["settings"]}
    assert set(settings) == set(schema["properties"]) - {"$schema"}
    for name, setting in settings.items():
        option = resolve(schema, schema["properties"][name])
        assert setting["description"], name
        if "enum" in option:
            assert setting["kind"] == "options"
            assert [choice["value"] for choice in setting["options"]] == option["enum"]
        else:
            kind = option.get("type", "object")
            assert setting["kind"] == (KINDS.get(kind, "string") if isinstance(kind, str) else "string"), name
    assert plugin["settings_group_validation"] == [schema["required"]]


@pytest.mark.parametrize(("plugin", "module"), [(TAP, "tap_rest_api.cli"), (TARGET, "target_datalake.cli")])
def test_it_knows_what_the_programs_can_do(plugin, module):
    command = [sys.executable, "-m", module, "--about", "--format", "json"]
    about = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    assert set(plugin["capabilities"]) == set(about["capabilities"])
    assert plugin["executable"] == plugin["name"]


def test_settings_that_may_hold_secrets_are_sensitive():
    assert {each["name"] for each in TAP["settings"] if each.get("sensitive")} == {"auth", "mask_key", "proxy", "vars"}


def test_its_configuration_is_accepted_as_the_flat_files_that_meltano_writes(tmp_path):
    for name, plugin in (("tap", TAP), ("target", TARGET)):
        (tmp_path / f"{name}.json").write_text(json.dumps(plugin["config"]))
    tap = load_tap_config(str(tmp_path / "tap.json"), {"MARKETPLACE_API_KEY": "demo-key"})
    assert [stream.name for stream in tap.streams] == ["shops", "products", "diaper_reviews"]
    assert load_config(str(tmp_path / "target.json")).source == "marketplace"
