"""Turns a configuration file into one checked-for-syntax JSON document: section, env, vars, defaults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.openapi import has_reference, resolve_schema
from tap_rest_api.template import REFERENCE, TemplateError, did_you_mean, escape, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECTIONS = ("tap", "target", "lake")

_READ_FIX = "name a file that this user may read, in UTF-8."
_JSON_FIX = "write one JSON object, without comments, and each key once."
_INHERITED = ("auth", "limits")  # top-level keys that stand below every stream's own


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration after expansion and merging, with what is needed to point into the file as written.

    Attributes:
        path: The file, as the user named it.
        section: "/tap" in a sectioned file, else "".
        written: The tap's part of the file, before anything was expanded.
        merged: The same, expanded, with each stream merged over `defaults` and schema files read in.
    """

    path: str
    section: str
    written: Mapping[str, Any]
    merged: Mapping[str, Any]

    def where(self, path: Sequence[str | int]) -> str:
        """Point at the place in the file that gave a merged value, be it a stream's own or a default."""
        path = list(path)
        if path[:1] == ["streams"] and len(path) > 2 and not _holds(self.written, path):  # noqa: PLR2004
            below = path[2:]
            candidates: list[list[str | int]] = [["defaults", *below], below]
            path = next((option for option in candidates if _holds(self.written, option)), path)
        return f"{self.path} {self.section}{to_pointer(path)}".rstrip()


def to_pointer(path: Sequence[str | int]) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _holds(value: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False
    return True


def load_document(path: str, environment: Mapping[str, str]) -> Document:
    """Read a configuration file.

    Raises:
        ConfigError: It is missing, not JSON, not an object, or names a variable that is not set.
    """
    return to_document(read_json_object(path, "configuration"), path, environment)


def to_document(content: Mapping[str, Any], path: str, environment: Mapping[str, str]) -> Document:
    """Expand and merge what a configuration file holds. Raises as `load_document` does."""
    sectioned = any(section in content for section in SECTIONS)
    if sectioned and "tap" not in content:
        raise ConfigError("the file has no section for the tap", where=path, fix='add "tap": {"base_url": …}.')
    written = content["tap"] if sectioned else content
    section = "/tap" if sectioned else ""
    if not isinstance(written, dict):
        raise ConfigError("the tap's section is not an object", where=f"{path} {section}")
    expansion = _Expansion(f"{path} {section}", environment)
    expanded = expansion.document(written)
    folder = Path(path).parent if sectioned else Path()
    merged = _place_files(_read_schemas(_merge_streams(expanded), folder), folder)
    return Document(path, section, written, merged)


def find_secrets(path: str, environment: Mapping[str, str]) -> set[str]:
    """Return the value of every environment variable that a file names, whether or not the file can be used."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return secrets_in(text, environment)


def secrets_in(text: str, environment: Mapping[str, str]) -> set[str]:
    """Return the value of every environment variable that a text names."""
    names = {match["name"] for match in REFERENCE.finditer(text) if match["group"] == "env"}
    return {environment[name] for name in names if name in environment}


def read_json_object(path: str | Path, noun: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        ConfigError: It cannot be read, is not JSON (with line and column), repeats a key, or is not an object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"there is no {noun} file {path}", fix="check the path.") from None
    except (OSError, ValueError) as error:  # not readable, not UTF-8, or a name that no file can have
        raise ConfigError(f"the {noun} file cannot be read: {error}", where=str(path), fix=_READ_FIX) from None
    return parse_json_object(text, str(path), noun)


def parse_json_object(text: str, where: str, noun: str) -> dict[str, Any]:
    """Parse one JSON object, strictly. Raises as `read_json_object` does."""
    try:
        content = json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise ConfigError(f"the {noun} is not JSON: {error.msg}", where=place, fix=_JSON_FIX) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the {noun} is not usable JSON: {error}", where=where, fix=_JSON_FIX) from None
    if not isinstance(content, dict):
        raise ConfigError(f"the {noun} is not a JSON object", where=where, fix="it must start with {.")
    return content


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'the key "{next(key for key in keys if keys.count(key) > 1)}" stands twice')
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


class _Expansion:
    """Expands `${env.X}` and `${vars.x}`."""

    def __init__(self, where: str, environment: Mapping[str, str]) -> None:
        self._where = where
        self._environment = environment
        self._variables: Mapping[str, Any] = {}
        self._groups: dict[str, Callable[[str], Any]] = {"env": self._env}

    def document(self, written: Mapping[str, Any]) -> dict[str, Any]:
        """Expand the variables first, then everything else with them."""
        variables = self._walk(written.get("vars", {}), ["vars"])
        self._variables = variables if isinstance(variables, dict) else {}
        self._groups["vars"] = self._var
        expanded = {key: self._walk(value, [key]) for key, value in written.items() if key != "vars"}
        return {**expanded, "vars": variables}

    def _walk(self, value: Any, path: list[str | int]) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return value if _is_schema(path) else {key: self._walk(item, [*path, key]) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item, [*path, index]) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: list[str | int]) -> Any:
        try:
            return expand(text, self._groups)
        except TemplateError as error:
            raise ConfigError(str(error), where=f"{self._where}{to_pointer(path)}", fix=error.fix) from None

    def _env(self, name: str) -> str:
        if name not in self._environment:
            raise TemplateError(f"the environment variable {name} is not set", f"export {name}=… first.")
        return escape(self._environment[name])

    def _var(self, name: str) -> Any:
        if name not in self._variables:
            fix = did_you_mean(name, self._variables) if self._variables else 'add it under "vars".'
            raise TemplateError(f"${{vars.{name}}} is not defined", fix)
        return self._variables[name]


def _is_schema(path: Sequence[str | int]) -> bool:
    """Tell the place of a stream's schema, in which nothing is expanded, as nothing is in a file of its own."""
    return path in (["defaults", "schema"], ["streams", *path[1:2], "schema"])


def _merge_streams(expanded: dict[str, Any]) -> dict[str, Any]:
    """Merge each stream over `defaults`, and those over the top-level auth and limits."""
    streams, defaults = expanded.get("streams"), expanded.get("defaults", {})
    if not isinstance(streams, list) or not isinstance(defaults, dict):
        return expanded  # the schema will say so
    inherited = {key: expanded[key] for key in _INHERITED if key in expanded}
    base = merge(inherited, defaults)
    return {**expanded, "streams": [merge(base, own) if isinstance(own, dict) else own for own in streams]}


def _read_schemas(merged: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put the content of each schema file where its path stood."""
    streams = merged.get("streams")
    if not isinstance(streams, list):
        return merged
    return {**merged, "streams": [_read_schema(stream, folder) for stream in streams]}


def _read_schema(stream: Any, folder: Path) -> Any:
    if not isinstance(stream, dict) or not isinstance(stream.get("schema"), str):
        return stream
    name, _, pointer = stream["schema"].partition("#")
    schema = read_json_object(folder / name, "schema")
    if "#" in stream["schema"] or has_reference(schema):
        schema = resolve_schema(schema, pointer, f"{folder / name}")
    return {**stream, "schema": schema}


def _place_files(merged: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put the files that the connection and auth name below the folder that their paths are relative to."""
    streams, verify = merged.get("streams"), merged.get("verify")
    if isinstance(verify, str):
        merged = {**merged, "verify": str(folder / verify)}
    if isinstance(streams, list):
        merged = {**merged, "streams": [_place_token_file(stream, folder) for stream in streams]}
    return merged


def _place_token_file(stream: Any, folder: Path) -> Any:
    auth = stream.get("auth") if isinstance(stream, dict) else None
    if not isinstance(auth, dict) or not isinstance(auth.get("persist"), str) or not auth["persist"]:
        return stream
    return {**stream, "auth": {**auth, "persist": str(folder / auth["persist"])}}


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two levels of options: objects by key, unless their `type` differs; anything else is replaced."""
    merged = dict(base)
    for key, value in own.items():
        merged[key] = {**base[key], **value} if _both_mergeable(base.get(key), value) else value
    return merged


def _both_mergeable(base: Any, own: Any) -> bool:
    if not isinstance(base, dict) or not isinstance(own, dict):
        return False
    return "type" not in own or own["type"] == base.get("type", own["type"])
