"""The configuration's schema becomes a flat list of its settings, as other runners' plugin definitions need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def to_settings(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every setting: name, type, description, default, whether it is required and may hold a secret.

    Names are paths: ``commit.max_rows``, ``streams.*.keep_raw``. None holds a secret: boto3 finds credentials itself.
    """
    return list(_walk(schema, schema, ""))


def _walk(node: Mapping[str, Any], root: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    for name, written in node["properties"].items():
        option = root["definitions"][written["$ref"].rpartition("/")[2]] if "$ref" in written else written
        yield {
            "name": f"{prefix}{name}",
            "type": "string" if "enum" in option else option["type"],
            "description": option.get("description", ""),
            "default": option.get("default"),
            "required": name in node.get("required", ()),
            "sensitive": False,
            **({"choices": option["enum"]} if "enum" in option else {}),
        }
        if "properties" in option:
            yield from _walk(option, root, f"{prefix}{name}.")
        elif "properties" in (each := option.get("additionalProperties") or {}):
            yield from _walk(each, root, f"{prefix}{name}.*.")
