"""A configuration file becomes the target's frozen options."""

from __future__ import annotations

import difflib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_datalake import layout
from target_datalake.errors import ConfigError
from target_datalake.validate import conforms

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS = ("tap", "target", "lake")
"""A file with one of these keys at its top has a section for each program; any other is all one program's."""

_ENV = re.compile(r"\$\{env\.([^}|]*)\}")


@dataclass(frozen=True)
class CommitBounds:
    """How much may gather before a commit is cut, at the next STATE."""

    max_rows: int = 500_000
    max_bytes: int = 128 << 20
    max_age_seconds: float = 300.0


@dataclass(frozen=True)
class StreamOptions:
    """Options that a stream may set for itself."""

    on_schema_change: str = "evolve"
    keep_raw: bool = False
    partition_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """The target's options, checked; see ``config.schema.json`` for what each means."""

    path: str
    source: str = "default"
    on_invalid: str = "reject"
    max_rejected_fraction: float = 0.1
    commit: CommitBounds = CommitBounds()
    commit_tail: str = "auto"
    on_rewind: str = "append"
    compression: str = "zstd"
    formats: str = "typed"
    stream_defaults: StreamOptions = StreamOptions()
    streams: dict[str, StreamOptions] = field(default_factory=dict)
    s3: dict[str, Any] = field(default_factory=dict)

    def stream(self, name: str) -> StreamOptions:
        """Return the options of a stream."""
        return self.streams.get(name, self.stream_defaults)


def load_config(path: str) -> Config:
    """Read a configuration file, flat or sectioned.

    Raises:
        ConfigError: It is missing, not JSON, or says something impossible.
    """
    document = read_document(path)
    sectioned = any(name in document for name in SECTIONS)
    section = document.get("target", {}) if sectioned else document
    pointer = "/target" if sectioned else ""
    section = expand(section, path, pointer)
    check(section, load_schema(), path, pointer)
    require_s3(section["path"], section.get("s3"), f"{path} {pointer}/s3")
    _check_source(section.get("source", ""), f"{path} {pointer}/source")
    return to_config(section, Path(path).absolute().parent if sectioned else Path.cwd())


def read_document(path: str) -> dict[str, Any]:
    """Return a configuration file's object."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_unrepeated)
    except OSError as error:
        fix = "check the path: --config names a JSON file"
        raise ConfigError(f"cannot read the configuration: {error.strerror}", where=path, fix=fix) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the configuration is not UTF-8", where=path, fix="save it as UTF-8") from error
    except (json.JSONDecodeError, RecursionError) as error:
        place = f" line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError("the configuration is not JSON", where=path + place, fix=_json_fix(error)) from error
    except _RepeatedKeyError as error:
        raise ConfigError(f'the key "{error}" stands twice', where=path, fix="leave one of them out") from None
    if not isinstance(document, dict):
        raise ConfigError("the configuration is not a JSON object", where=path, fix="start it with { and end it with }")
    return document


def expand(value: Any, path: str, pointer: str) -> Any:
    """Replace each ``${env.X}`` in the strings of a section by the variable's value."""
    if isinstance(value, dict):
        return {key: expand(item, path, f"{pointer}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, path, f"{pointer}/{index}") for index, item in enumerate(value)]
    if isinstance(value, str):
        return _ENV.sub(lambda match: _variable(match[1], f"{path} {pointer}"), value)
    return value


def load_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 4) of the target's section."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("config.schema.json").read_text("utf-8"))
    return schema


def check(section: Any, schema: dict[str, Any], path: str, pointer: str) -> None:
    """Check a section against a Draft 4 schema, and word the error that matters most.

    Raises:
        ConfigError: With the place as a JSON pointer, and a near miss for an unknown key.
    """
    if conforms(section, schema):
        return
    import jsonschema  # it finds the words; loading it takes 80 ms, which a right configuration need not wait for

    error = jsonschema.exceptions.best_match(jsonschema.Draft4Validator(schema).iter_errors(section))
    place = "".join(f"/{part}" for part in error.absolute_path)
    where = f"{path} {pointer}{place}"
    if error.validator == "additionalProperties":
        raise _unknown_key(error, where)
    raise ConfigError(_wording(error), where=where.rstrip(), fix=_remedy(error))


def check_s3(lake: str, options: Mapping[str, Any] | None, where: str) -> None:
    """Check S3 options that did not come from a configuration file. Raises ConfigError."""
    check(dict(options or {}), load_schema()["properties"]["s3"], where, "")
    require_s3(lake, options, where)


def require_s3(lake: str, options: Mapping[str, Any] | None, where: str) -> None:
    """Check that S3 options go with a lake on S3: anywhere else they would be ignored. Raises ConfigError."""
    if options and not lake.startswith("s3://"):
        fix = 'write the lake\'s path as "s3://bucket/prefix", or leave the s3 options out'
        raise ConfigError("s3 options are given, but the lake is not on S3", where=where, fix=fix)


def _check_source(source: str, where: str) -> None:
    zone, _ = layout.split_owner(source)
    if zone != "landing":
        raise ConfigError(f"a source's name cannot begin with @{zone}/", where=where, fix="leave the @ out")


def to_config(section: dict[str, Any], folder: Path) -> Config:
    """Return the options of a checked section; a relative lake folder counts from `folder`."""
    known = {key: value for key, value in section.items() if key not in {"$schema", "path", "commit", "streams"}}
    defaults = {key: known.pop(key) for key in ("on_schema_change", "keep_raw") if key in known}
    path = section["path"]
    return Config(
        path=path if path.startswith("s3://") else str(folder / path),
        commit=CommitBounds(**section.get("commit", {})),
        stream_defaults=StreamOptions(**defaults),
        streams={name: _to_stream(defaults | own) for name, own in section.get("streams", {}).items()},
        **known,
    )


def _to_stream(options: dict[str, Any]) -> StreamOptions:
    return StreamOptions(**{**options, "partition_by": tuple(options.get("partition_by", ()))})


def _variable(name: str, where: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ConfigError(
            f"the environment variable {name} is not set", where=where, fix=f"export {name}=…, then run again"
        ) from None


class _RepeatedKeyError(Exception):
    """A key that an object holds twice."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _RepeatedKeyError(key)
        content[key] = value
    return content


def _json_fix(error: Exception) -> str:
    return f"{error}" if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"


def _unknown_key(error: Any, where: str) -> ConfigError:
    known = sorted(error.schema.get("properties", {}))
    unknown = next(key for key in error.instance if key not in known)
    near = difflib.get_close_matches(unknown, known, n=1)
    fix = f'did you mean "{near[0]}"?' if near else f"the keys here are: {', '.join(known)}"
    return ConfigError(f'unknown key "{unknown}"', where=f"{where}/{unknown}", fix=fix)


def _wording(error: Any) -> str:
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f'the key "{missing}" is missing'
    if error.validator == "enum":
        return "this value is not one of those allowed"
    if error.validator == "type":
        return f"expected {error.validator_value}, found {_json_type(error.instance)}"
    if error.validator == "dependencies":
        given, needed = next((key, value) for key, value in error.validator_value.items() if key in error.instance)
        return f'the key "{given}" is given without "{needed[0]}"'
    return f"this value breaks the rule {error.validator}: {error.validator_value}"


def _remedy(error: Any) -> str:
    if error.validator == "required":
        return "add it"
    if error.validator == "type":
        return str(error.schema.get("description", "")) or f"write {error.validator_value}"
    if error.validator == "enum":
        return f"write one of: {', '.join(json.dumps(value) for value in error.validator_value)}"
    return str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
