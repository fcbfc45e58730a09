"""Turns a configuration document into its first problem, worded with place and fix, or into nothing."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import best_match

from tap_rest_api.errors import ConfigError
from tap_rest_api.stream_rules import stream_problems
from tap_rest_api.template import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema import ValidationError

    from tap_rest_api.document import Document


def load_schema() -> dict[str, Any]:
    """Read the JSON Schema (Draft 4) of the configuration."""
    schema: dict[str, Any] = json.loads((files("tap_rest_api") / "config.schema.json").read_text("utf-8"))
    return schema


def check_document(document: Document) -> None:
    """Check a document against its schema, then against the rules that a schema cannot say.

    Raises:
        ConfigError: The first problem.
    """
    error = best_match(Draft4Validator(load_schema()).iter_errors(document.merged))
    if error is not None:
        raise _to_config_error(error, document)
    for problem in stream_problems(document.merged):
        raise ConfigError(problem.message, where=document.where(problem.path), fix=problem.fix)


def _to_config_error(error: ValidationError, document: Document) -> ConfigError:
    path = list(error.absolute_path)
    word = _WORDS.get(error.validator)
    if word is None:
        return ConfigError(error.message, where=document.where(path))
    message, fix, key = word(error)
    return ConfigError(message, where=document.where([*path, *key]), fix=fix)


def _word_unknown_key(error: ValidationError) -> tuple[str, str, Sequence[str]]:
    known = error.schema.get("properties", {})
    key = next(key for key in error.instance if key not in known)
    return f'unknown key "{key}"', did_you_mean(key, list(known)), [key]


def _word_missing_key(error: ValidationError) -> tuple[str, str, Sequence[str]]:
    missing = next(key for key in error.validator_value if key not in error.instance)
    unknown = [key for key in error.instance if key not in error.schema.get("properties", {})]
    near = [key for key in unknown if nearest(key, [missing])]
    return f'the key "{missing}" is missing', f'"{near[0]}" should be "{missing}".' if near else "add it.", []


def _word_type(error: ValidationError) -> tuple[str, str, Sequence[str]]:
    wanted = error.validator_value
    names = wanted if isinstance(wanted, str) else " or ".join(wanted)
    return f"expected {names}, found {_json_type(error.instance)}", "", []


def _word_enum(error: ValidationError) -> tuple[str, str, Sequence[str]]:
    known = [value if isinstance(value, str) else json.dumps(value) for value in error.validator_value]
    return f"{json.dumps(error.instance)} is not a choice", did_you_mean(str(error.instance), known), []


def _word_pattern(error: ValidationError) -> tuple[str, str, Sequence[str]]:
    return f'"{error.instance}" does not have the form it should', f"it must match {error.validator_value}", []


_WORDS = {
    "additionalProperties": _word_unknown_key,
    "required": _word_missing_key,
    "type": _word_type,
    "enum": _word_enum,
    "pattern": _word_pattern,
}
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def _json_type(value: Any) -> str:
    return _JSON_TYPES.get(type(value), "null")
