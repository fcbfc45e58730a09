"""Turns the JSON Schemas of the configuration into a page of every setting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from docs.markdown import to_cell, to_table
from lake.config_schemas import read_schema
from tap_rest_api.check import load_schema as load_tap_schema
from tap_rest_api.settings import DEFAULTS
from target_datalake.config import load_schema as load_target_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = """# Settings

Every setting of a configuration file, as the programs themselves know them: this page is made from their JSON Schemas,
which [`lake schema`](lake.md#lake-schema) prints for an editor. [The tap](tap.md), [the target](target.md),
[triggers](schedule.md) and [S3](s3.md) have examples. An unknown setting is an error.
"""


class Section(NamedTuple):
    """A section of the file, or one of its forms: what it is called here, and its schema."""

    title: str
    schema: Mapping[str, Any]


class Setting(NamedTuple):
    """A setting, by the object that it stands in."""

    name: str
    kind: str
    default: str
    meaning: str


SECTIONS = (
    Section("tap", load_tap_schema()),
    Section("tap, another program", read_schema("foreign_tap.schema.json")),
    Section("target", load_target_schema()),
    Section("lake", read_schema("config.schema.json")),
)


def to_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for section in SECTIONS:
        for title, about, settings in objects(section):
            parts += [f"{'##' if title == section.title else '###'} {title}", *([about] if about else [])]
            parts.append(to_table(("setting", "type", "default", "meaning"), settings))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def objects(section: Section) -> Iterator[tuple[str, str, list[Setting]]]:
    """Yield each object of a section that has settings of its own: its title, what it is, and its settings."""
    definitions = section.schema.get("definitions", {})
    waiting = [(section.title, section.schema, "")]
    waiting += [(f"{section.title}: {name}", node, name) for name, node in definitions.items() if "properties" in node]
    while waiting:
        title, node, kind = waiting.pop(0)
        inner = {name: (f"{_below(title)}{path}", found) for name, (path, found) in _inner(node).items()}
        waiting[:0] = [(below, found, "") for below, found in inner.values()]
        settings = []
        for name, option in node["properties"].items():
            link = f"[object](#{to_anchor(inner[name][0])})" if name in inner else _kind(option, section)
            required = name in node.get("required", ()) or _is_required(section.schema, kind, name)
            settings.append(_to_setting(name, link, _resolve(option, section.schema), option, kind, required))
        yield title, to_cell(node.get("description", "")) if kind else "", settings


def _below(title: str) -> str:
    """Return what the title of an object begins with that stands within another."""
    return f"{title}{'.' if ': ' in title else ': '}"


def _inner(node: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the objects with settings that stand within another: by setting, their path and schema."""
    found = {}
    for name, option in node["properties"].items():
        each = option.get("additionalProperties")
        if "properties" in option:
            found[name] = (name, option)
        elif isinstance(each, dict) and "properties" in each:
            found[name] = (f"{name}.NAME", each)
    return found


def _is_required(schema: Mapping[str, Any], kind: str, name: str) -> bool:
    """Tell whether what refers to an object asks for a setting of it, as the list of streams does."""
    for option in schema["properties"].values():
        parts = option.get("items", {}).get("allOf", ())
        if kind and any(_name(part) == kind for part in parts):
            return any(name in part.get("required", ()) for part in parts)
    return False


def _to_setting(
    name: str,
    kind: str,
    resolved: Mapping[str, Any],
    written: Mapping[str, Any],
    of: str,
    required: bool,  # noqa: FBT001
) -> Setting:
    default = resolved.get("default", DEFAULTS.get(f"{of}.{name}" if of else name))
    shown = "required" if required else "" if default is None else f"`{json.dumps(default)}`"
    meaning = written.get("description") or resolved.get("description", "")
    return Setting(f"`{name}`", kind, shown, to_cell(meaning))


def _resolve(option: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema["definitions"][_name(option)] if "$ref" in option else option
    return found


def _name(option: Mapping[str, Any]) -> str:
    return str(option.get("$ref", "")).rpartition("/")[2]


def _kind(option: Mapping[str, Any], section: Section) -> str:
    """Return what may stand there, an object with settings of its own as a link to them."""
    if "$ref" in option:
        found = _resolve(option, section.schema)
        link = f"[{to_cell(_name(option))}](#{to_anchor(f'{section.title}: {_name(option)}')})"
        return link if "properties" in found else _kind(found, section)
    if "enum" in option:
        return ", ".join(f"`{json.dumps(value)}`" for value in option["enum"])
    if "anyOf" in option:
        return " or ".join(dict.fromkeys(_kind(choice, section) for choice in option["anyOf"]))
    kinds = option.get("type", "any")
    return " or ".join(_of_type(kind, option, section) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _of_type(kind: str, option: Mapping[str, Any], section: Section) -> str:
    if kind != "array":
        return kind
    items = option.get("items", {})
    items = items.get("allOf", [items])[0]
    return f"list of {_kind(items, section)}" if items else "list"


def to_anchor(title: str) -> str:
    """Return a heading's anchor, as Python-Markdown makes it."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")
