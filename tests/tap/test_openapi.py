# ruff: noqa: E501 - a schema a line reads best
"""Schemas from files: components of OpenAPI documents, and references within a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.config import load_config
from tap_rest_api.errors import ConfigError
from tap_rest_api.openapi import resolve_schema

if TYPE_CHECKING:
    from pathlib import Path

API: dict[str, Any] = {
    "openapi": "3.0.3",
    "paths": {},
    "components": {
        "schemas": {
            "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "format": "int64"}}},
            "Money": {
                "type": "object",
                "properties": {"amount": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "example": 1}},
            },
            "Order": {
                "allOf": [
                    {"$ref": "#/components/schemas/Base"},
                    {
                        "required": ["total", "secret"],
                        "properties": {
                            "total": {"$ref": "#/components/schemas/Money"},
                            "note": {"type": "string", "nullable": True, "x-own": 1},
                            "state": {"type": "string", "enum": ["a", "b"], "nullable": True},
                            "tip": {"allOf": [{"$ref": "#/components/schemas/Money"}], "nullable": True},
                            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
                            "secret": {"type": "string", "writeOnly": True},
                            "any": {"nullable": True},
                        },
                    },
                ]
            },
            "Line": {"properties": {"sku": {"type": "string"}, "order": {"$ref": "#/components/schemas/Order"}}},
            "Tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
            "Odd/~name": {"type": "object", "properties": {}},
            "Remote": {"$ref": "https://other.example/x.json#/A"},
            "File": {"type": "object", "properties": {"a": {"$ref": "other.json#/A"}}},
            "Lost": {"$ref": "#/components/schemas/None"},
            "Text": "x",
        }
    },
}  # fmt: skip


def component(name: str) -> Any:
    return resolve_schema(API, f"/components/schemas/{name}", "openapi.json")


def test_a_component_becomes_a_schema_of_its_own() -> None:
    money = {"type": "object", "properties": {"amount": {"type": "number", "exclusiveMinimum": 0}}}
    order = component("Order")
    lines = order["properties"].pop("lines")
    assert order == {
        "type": "object",
        "required": ["id", "total"],
        "properties": {
            "id": {"type": "integer", "format": "int64"},
            "total": money,
            "note": {"type": ["null", "string"]},
            "state": {"type": ["null", "string"], "enum": ["a", "b", None]},
            "tip": {**money, "type": ["null", "object"]},
            "any": {},
        },
    }
    assert lines["items"]["properties"] == {"sku": {"type": "string"}, "order": {}}


def test_a_component_that_holds_itself_is_left_open_there() -> None:
    assert component("Tree")["properties"] == {"children": {"type": "array", "items": {}}}


def test_names_are_escaped_as_json_pointers_say() -> None:
    assert component("Odd~1~0name")["type"] == "object"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Remote", "leads out of the file"),
        ("File", "leads out of the file"),
        ("Lost", "nothing at"),
        ("Oder", "nothing at"),
        ("Text", "no schema at"),
    ],
)
def test_what_cannot_be_resolved_is_an_error_and_never_fetched(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        component(name)
    assert caught.value.where == "openapi.json"


def test_references_that_multiply_are_stopped() -> None:
    bomb: dict[str, Any] = {"n0": {"type": "string"}}
    for level in range(1, 30):
        bomb[f"n{level}"] = {"properties": {side: {"$ref": f"#/n{level - 1}"} for side in ("a", "b")}}
    with pytest.raises(ConfigError, match="more than"):
        resolve_schema(bomb, "/n29", "")


def test_a_configuration_names_a_component(tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(json.dumps(API))
    stream = {"name": "orders", "path": "/", "schema": "api.json#/components/schemas/Order", "primary_key": ["id"]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"tap": {"base_url": "https://api.example", "streams": [stream]}}))
    assert load_config(str(config), {}).streams[0].schema == component("Order")
    (tmp_path / "local.json").write_text(
        json.dumps(
            {"type": "object", "properties": {"a": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "null"}}}
        )
    )
    config.write_text(
        json.dumps(
            {
                "tap": {
                    "base_url": "https://a.example",
                    "streams": [{**stream, "schema": "local.json", "primary_key": []}],
                }
            }
        )
    )
    assert load_config(str(config), {}).streams[0].schema == {"type": "object", "properties": {"a": {"type": "null"}}}
