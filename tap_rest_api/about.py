"""Turns the schema of the configuration into what the tap says of itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tap_rest_api.check import load_schema
from tap_rest_api.settings import to_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CAPABILITIES = ("catalog", "discover", "state", "test", "about", "activate-version", "log-format")


def to_facts() -> dict[str, Any]:
    """Return what --about tells a program: the schema as `settings`, and every option of it, flat, as `options`."""
    schema = load_schema()
    return {
        "name": "tap-rest-api",
        "description": "Any paginated REST API, described by one JSON file, as Singer messages.",
        "version": version("rest-datalake"),
        "capabilities": list(CAPABILITIES),
        "settings": schema,
        "options": to_settings(schema),
    }


def to_text(about: Mapping[str, Any]) -> str:
    """Lay the facts out for a person: every option, by the object it stands in."""
    schema = about["settings"]
    lines = [f"{about['name']} {about['version']}: {about['description']}", "", "Settings:"]
    lines += _options(schema, schema["definitions"])
    for name, definition in schema["definitions"].items():
        if "properties" in definition:
            lines += ["", f"{name}:", *_options(definition, schema["definitions"])]
    return "\n".join([*lines, "", f"Capabilities: {', '.join(about['capabilities'])}"])


def _options(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    for name, option in schema["properties"].items():
        choices = " | ".join(str(choice) for choice in option.get("enum", ()))
        described = definitions[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        remarks = [described.get("description", ""), choices, "required" if name in schema.get("required", ()) else ""]
        yield f"  {name:<16} {'; '.join(remark for remark in remarks if remark)}".rstrip()
