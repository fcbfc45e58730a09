"""Turns the schema of the configuration into a flat list of its settings, for other runners' plugin definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SENSITIVE = frozenset(
    "auth mask_key proxy vars password token client_secret refresh_token private_key claims extra secret_access_key "
    "session_token request".split()
)
"""The options that may hold a secret, wherever they stand."""

DEFAULTS: Mapping[str, Any] = {
    "verify": True,
    "auth.type": "none",
    "auth.in": "header",
    "auth.client_auth": "body",
    "limits.reserve": 0.0,
    "limits.retries": 6,
    "limits.max_wait": "PT5M",
    "limits.connect_timeout": 10.0,
    "limits.read_timeout": 120.0,
    "limits.total_timeout": 600.0,
    "limits.concurrency": 4,
    "stream.method": "GET",
    "stream.body_type": "json",
    "stream.format": "auto",
    "stream.sample": 100,
    "stream.on_new_field": "keep",
    "stream.selected": True,
    "pagination.type": "auto",
    "pagination.stop": "empty",
    "replication.sorted": False,
    "replication.format": "iso",
    "replication.state": "auto",
    "replication.bounds": "[)",
    "replication.timezone": "UTC",
    "replication.missing": "emit",
    "parent.read": "changed",
    "login_request.method": "POST",
    "login_request.body_type": "json",
}
"""What holds where an option is left out, by the object that it stands in; of the rest, nothing does."""


def to_settings(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every setting: name, type, description, default, whether it is required and may hold a secret.

    Names are paths: `limits.retries`, `streams[].pagination.type`. `defaults` takes the options of a stream.
    """
    return list(_walk(schema, schema, "", ""))


def _walk(node: Mapping[str, Any], root: Mapping[str, Any], prefix: str, kind: str) -> Iterator[dict[str, Any]]:
    required = set(node.get("required", ()))
    for name, written in node["properties"].items():
        option, below = _resolve(written, root)
        key = f"{kind}.{name}" if kind else name
        yield {
            "name": f"{prefix}{name}",
            "type": _type_of(option),
            "description": written.get("description") or option.get("description", ""),
            "default": DEFAULTS.get(key),
            "required": name in required or (kind == "stream" and name in ("name", "path") and prefix == "streams[]."),
            "sensitive": name in SENSITIVE,
            **({"choices": option["enum"]} if "enum" in option else {}),
        }
        if "properties" in option and name != "defaults":
            yield from _walk(
                option, root, f"{prefix}{name}{'[]' if option is not written and _is_list(written) else ''}.", below
            )


def _resolve(option: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Follow an option to the object that it is, or that its elements are; with the object's name."""
    for candidate in (
        option,
        option.get("items", {}),
        *option.get("anyOf", ()),
        *option.get("items", {}).get("allOf", ()),
    ):
        if "$ref" in candidate:
            name = candidate["$ref"].rpartition("/")[2]
            found: Mapping[str, Any] = {**root["definitions"][name]}
            return {**found, "type": "array"} if _is_list(option) else found, name
    return option, ""


def _is_list(option: Mapping[str, Any]) -> bool:
    return option.get("type") == "array"


def _type_of(option: Mapping[str, Any]) -> str | list[str]:
    if "enum" in option:
        kinds = {"boolean" if isinstance(value, bool) else "string" for value in option["enum"]}
        return "string" if kinds == {"string"} else sorted(kinds)
    if "anyOf" in option:
        return sorted({choice.get("type", "object") for choice in option["anyOf"]})
    found: str | list[str] = option.get("type", "any")
    return found
