"""Turns the path or URL of an OpenAPI document, JSON or YAML, into the document."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_rest_api.errors import ConfigError, RefusedError
from tap_rest_api.probe.address import parse_address
from tap_rest_api.probe.asker import Asker
from tap_rest_api.probe.refusals import LATER, refusal

if TYPE_CHECKING:
    from tap_rest_api.probe.asker import World

_MOST_BYTES = 64 << 20
_SHAPES: dict[str, type] = {
    "info": dict,
    "paths": dict,
    "servers": list,
    "security": list,
    "components": dict,
    "components.securitySchemes": dict,
    "schemes": list,
    "securityDefinitions": dict,
}
_OF_ANYTHING = frozenset({"info", "paths", "components", "schemes"})
_VERSIONS = ("2.0", "3.0", "3.1", "3.2")
_TEXTS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")  # a date is a text; yes and no are, too


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads YAML as JSON would be read: dates stay texts, and only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TEXTS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false|True|False)$"), list("tfTF"))


def is_url(place: str) -> bool:
    """Tell a URL from a path."""
    return place.startswith(("http://", "https://"))


def read_spec(place: str, world: World) -> dict[str, Any]:
    """Read a document.

    Raises:
        ConfigError: It cannot be read, or is no OpenAPI document of a version that is known.
        RefusedError: It cannot be fetched.
    """
    content = _fetch(place, world) if is_url(place) else _read(place)
    document = _parse(content, place)
    version = str(document.get("openapi") or document.get("swagger") or "")
    if not version.startswith(_VERSIONS):
        said = f"says version {version}" if version else 'has neither "openapi" nor "swagger"'
        fix = f"known are the versions {', '.join(_VERSIONS)}."
        raise ConfigError(f"this is no OpenAPI document that can be read: it {said}", where=place, fix=fix)
    _check_shape(document, place)
    return document


def _check_shape(document: dict[str, Any], place: str) -> None:
    """Check the parts that are read without asking; operations are looked at one by one."""
    for name, kind in _SHAPES.items():
        found = _part(document, name)
        items = found if isinstance(found, list) else list(found.values()) if isinstance(found, dict) else []
        holds_objects = name in _OF_ANYTHING or all(isinstance(item, dict) for item in items)
        if found is not None and not (isinstance(found, kind) and holds_objects):
            raise ConfigError("the document is not as OpenAPI has it", where=f"{place} #/{name.replace('.', '/')}")
    for server in document.get("servers") or ():
        if not isinstance(server.get("url"), str) or not isinstance(server.get("variables", {}), dict):
            raise ConfigError("the document is not as OpenAPI has it", where=f"{place} #/servers")


def _read(place: str) -> bytes:
    try:
        with Path(place).open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigError(
            f"the document cannot be read: {error.strerror}", where=place, fix="check the path."
        ) from None


def _fetch(place: str, world: World) -> bytes:
    address = parse_address(place)
    asker = Asker({"base_url": address.base_url}, world)
    raw = {"name": address.name, "path": address.path, "params": address.params, "headers": {"Accept": "*/*"}}
    response, _ = asker.ask(raw, "the OpenAPI document")
    if (no := refusal(response, has_credentials=False)) is not None:
        if not isinstance(no, RefusedError):
            no.fix = "download it, and give the file."
        elif no.fix != LATER:
            no.fix = "give the address of the document itself, such as https://api.example.com/openapi.json."
        raise no
    return response.body


def _parse(content: bytes, place: str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text) if text.lstrip()[:1] == "{" else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"the document is neither JSON nor YAML: {reason}", where=place) from None
    if not isinstance(found, dict):
        raise ConfigError("the document is not an object", where=place, fix="give an OpenAPI document.")
    return found


def _part(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document
