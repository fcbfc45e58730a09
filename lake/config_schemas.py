"""The JSON Schemas of the three sections become documents for an editor, each alone or as one for a whole file."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lake.errors import DiscoveryError
from lake.pipe import read_output
from target_datalake import config

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    return {
        "$schema": _DRAFT,
        "title": "rest-datalake config",
        "type": "object",
        "required": ["tap", "target"],
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string", "description": "For editors: where this schema stands."},
            **{name: _below(schema, name) for name, schema in sections.items()},
        },
        "definitions": _gather(sections),
    }


def _load(section: str, programs: Programs) -> dict[str, Any]:
    if section == "target":
        return config.load_schema()
    return _load_tap(programs) if section == "tap" else read_schema("config.schema.json")


def _load_tap(programs: Programs) -> dict[str, Any]:
    """Return the schema of a section that describes an API, or names the command of a tap that is not our own."""
    kinds = {"own": _ask_tap(programs), "foreign": read_schema("foreign_tap.schema.json")}
    return {
        "$schema": _DRAFT,
        "title": "rest-datalake tap config",
        "anyOf": [_below(schema, name) for name, schema in kinds.items()],
        "definitions": _gather(kinds),
    }


def read_schema(name: str) -> dict[str, Any]:
    """Return one of this package's own schemas."""
    found: dict[str, Any] = json.loads(files("lake").joinpath(name).read_text("utf-8"))
    return found


def _ask_tap(programs: Programs) -> dict[str, Any]:
    code, output, _ = read_output([*programs.tap, "--about", "--format", "json"])
    if code:
        raise DiscoveryError("the tap does not tell its settings", exit_code=code, fix="its own message is above")
    found: dict[str, Any] = json.loads(output)["settings"]
    return found


def _gather(schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the definitions of several schemas, each under its schema's name."""
    return {name: _move(schema.get("definitions", {}), f"#/definitions/{name}/") for name, schema in schemas.items()}


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
