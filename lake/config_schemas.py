"""The JSON Schemas of the three sections become documents for an editor, each alone or as one for a whole file."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lake.errors import DiscoveryError
from lake.pipe import read_output
from target_datalake import config

if TYPE_CHECKING:
    from lake.programs import Programs

SECTIONS = ("tap", "target", "lake")
WHOLE = "config"
"""What stands for a sectioned file as a whole."""

_DRAFT = "http://json-schema.org/draft-04/schema#"


def load_config_schema(part: str, programs: Programs) -> dict[str, Any]:
    """Return the schema of a section, or of a whole file.

    Raises:
        DiscoveryError: The tap does not tell its own.
    """
    if part != WHOLE:
        return _load(part, programs)
    sections = {name: _load(name, programs) for name in SECTIONS}
    foreign = _read("foreign_tap.schema.json")
    tap = {"anyOf": [_below(sections["tap"], "tap"), _below(foreign, "foreign_tap")]}
    return {
        "$schema": _DRAFT,
        "title": "rest-datalake config",
        "type": "object",
        "required": ["tap", "target"],
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string"},
            "tap": tap,
            "target": _below(sections["target"], "target"),
            "lake": _below(sections["lake"], "lake"),
        },
        "definitions": {
            name: _move(schema.get("definitions", {}), f"#/definitions/{name}/")
            for name, schema in {**sections, "foreign_tap": foreign}.items()
        },
    }


def _load(section: str, programs: Programs) -> dict[str, Any]:
    if section == "target":
        return config.load_schema()
    return _ask_tap(programs) if section == "tap" else _read("config.schema.json")


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("lake").joinpath(name).read_text("utf-8"))
    return found


def _ask_tap(programs: Programs) -> dict[str, Any]:
    code, output, _ = read_output([*programs.tap, "--about", "--format", "json"])
    if code:
        raise DiscoveryError("the tap does not tell its settings", exit_code=code, fix="its own message is above")
    found: dict[str, Any] = json.loads(output)["settings"]
    return found


def _below(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a schema as a part of one that has its definitions under its name; definitions refer there too."""
    moved = _move(schema, f"#/definitions/{name}/")
    return {key: value for key, value in moved.items() if key not in ("$schema", "definitions")}


def _move(node: Any, to: str) -> Any:
    if isinstance(node, list):
        return [_move(item, to) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/definitions/", to) if key == "$ref" else _move(value, to) for key, value in node.items()
    }
