"""Generated schemas of every keyword, with texts of values that mostly follow them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_datalake.json_schema import parse_schema
from target_datalake.validate import Validator

if TYPE_CHECKING:
    from random import Random

NAMES = ("id", "name", "price", "kind", "at", "tags", "a/b", "é", "null", "record", "type", "x y", "A", "a")
NAMES_OF_OTHERS = ("new", "id", "é", "a/b", "tags")
WORDS = ("", "a", "DE", "abc", "null", "id", "é", "naïve 😀", 'say \\"id\\":', "1234567890123456", "x\\u0000y", "\\n")


def pair(draw: Random, depth: int = 0) -> tuple[Any, Any]:
    """Return a schema, and a function that writes values for it."""
    kinds = [integer, number, text, moment, boolean, *([array, record] if depth < 3 else [])]
    schema, write = draw.choice(kinds)(draw, depth)
    return wrapped(draw, schema, write)


def wrapped(draw: Random, schema: dict[str, Any], write: Any) -> tuple[Any, Any]:
    """Allow null in one of the ways that there are, or say the same in a roundabout way."""
    null = lambda inner: lambda d: "null" if d.random() < 0.2 else inner(d)  # noqa: E731 (of one use)
    kind = draw.randrange(12)
    if kind < 3 and isinstance(schema.get("type"), str):
        more = {"enum": [*schema["enum"], None]} if "enum" in schema and draw.random() < 0.7 else {}
        return {**schema, "type": [schema["type"], "null"], **more}, null(write)
    if kind == 3:
        return {"anyOf": [schema, {"type": "null"}]}, null(write)
    if kind == 4:
        return {"oneOf": [{"type": "null"}, schema]}, null(write)
    if kind == 5:
        return {**schema, "nullable": True}, null(write)
    if kind == 6:
        return {"allOf": [schema, {"description": "twice"}]}, write
    return schema, write


def mostly_valid(schema: dict[str, Any], literals: list[str]) -> tuple[dict[str, Any], Any]:
    """Return the schema, and a function that writes one of the literals, nearly always one that follows it."""
    is_valid = Validator(parse_schema("s", schema)).is_valid
    valid = [literal for literal in literals if is_valid(json.loads(literal))] or literals
    return schema, lambda d: d.choice(valid if d.random() < 0.99 else literals)


def integer(draw: Random, _depth: int) -> tuple[dict[str, Any], Any]:
    bounds = draw.choice(
        [
            {},
            {"minimum": 1, "maximum": 5},
            {"minimum": 0.5},
            {"exclusiveMaximum": 100},
            {"multipleOf": 5},
            {"multipleOf": 0.1},
            {"enum": [1, 2, 3]},
            {"enum": [1, "a", None, 2.0]},
            {"const": 7},
            {"maximum": 2**64},
            {"not": {"const": 4}},
            {"minimum": -(2**63), "maximum": 2**63 - 1},
            {"type": ["integer", "number"]},
        ]
    )
    few = [0, 1, 2, 3, 5, 7, 10, 100, -1, 2**53 + 1, 2**63 - 1, draw.randrange(-(2**63), 2**63)]
    return mostly_valid({"type": "integer", **bounds}, [str(one) for one in few])


def number(draw: Random, _depth: int) -> tuple[dict[str, Any], Any]:
    bounds = draw.choice(
        [
            {},
            {"minimum": 0},
            {"minimum": 0.1, "maximum": 99.5},
            {"exclusiveMinimum": 0},
            {"multipleOf": 0.01},
            {"multipleOf": 0.01, "minimum": 1.5},
            {"multipleOf": 1},
            {"multipleOf": 0.25},
            {"multipleOf": 1e-7},
            {"enum": [0.5, 1, 2.25]},
            {"const": 19.9},
            {"anyOf": [{"maximum": 5}, {"minimum": 10}]},
        ]
    )
    literals = ["0", "0.5", "1", "1.0", "2.25", "19.90", "19.9", "0.1", "5", "12.345", "99.5", "-3", "1e2", "1E-2"]
    drawn = [repr(draw.uniform(-1e3, 1e3)) for _ in range(4)]
    return mostly_valid({"type": "number", **bounds}, [*literals, "0.30000000000000004", *drawn])


def text(draw: Random, _depth: int) -> tuple[dict[str, Any], Any]:
    bounds = draw.choice(
        [
            {},
            {"minLength": 1},
            {"maxLength": 3},
            {"pattern": "^[A-Z]{2}$"},
            {"pattern": r"^\w+$"},
            {"pattern": "a|\\d"},
            {"pattern": "^.{0,4}$"},
            {"pattern": r"[^\x00-\x1f]"},
            {"enum": ["a", "DE", "é"]},
            {"const": "a"},
            {"enum": ["a", 1, None]},
            {"format": "email"},
            {"oneOf": [{"maxLength": 1}, {"minLength": 3}]},
            {"if": {"maxLength": 2}, "then": {"minLength": 1}},
        ]
    )
    return mostly_valid({"type": "string", **bounds}, [f'"{word}"' for word in WORDS])


def moment(draw: Random, _depth: int) -> tuple[dict[str, Any], Any]:
    texts = {
        "date-time": [
            *("2026-01-31T23:59:59Z", "2026-01-31 10:00:00.5Z", "2026-01-31T10:00:00.123456Z"),
            *("2026-01-31T10:00:00+02:00", "2026-01-31T10:00:00", "2026-01-31T10:00:00.1234567Z"),
            "0001-01-01T00:00:00Z",
        ],
        "date": ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"],
        "time": ["10:00:00", "23:59:59Z", "10:00:00.5Z", "10:00:00+01:00", "10:00:00.1234567"],
    }
    kind = draw.choice(list(texts))
    everyday = texts[kind][0]
    return {"type": "string", "format": kind}, lambda d: f'"{everyday if d.random() < 0.8 else d.choice(texts[kind])}"'


def boolean(draw: Random, _depth: int) -> tuple[dict[str, Any], Any]:
    return mostly_valid({"type": "boolean", **draw.choice([{}, {}, {"const": True}])}, ["true", "false"])


def array(draw: Random, depth: int) -> tuple[dict[str, Any], Any]:
    items, write = pair(draw, depth + 1)
    bounds = draw.choice([{}, {}, {}, {"minItems": 1}, {"maxItems": 2}, {"minItems": 1.0, "uniqueItems": False}])
    sizes = [0, 1, 1, 2, 2, 3][bounds.get("minItems") is not None : 5 if "maxItems" in bounds else 6]
    schema = {"type": "array", "items": items, **bounds}
    return schema, lambda d: f"[{', '.join(write(d) for _ in range(d.choice(sizes)))}]"


def record(draw: Random, depth: int) -> tuple[dict[str, Any], Any]:
    names = draw.sample(NAMES, draw.randint(1, 4))
    members = {name: pair(draw, depth + 1) for name in names}
    schema: dict[str, Any] = {"type": "object", "properties": {name: one[0] for name, one in members.items()}}
    if draw.random() < 0.5:
        schema["required"] = draw.sample(names, draw.randint(0, len(names)))
    if draw.random() < 0.15:
        schema["additionalProperties"] = draw.choice([False, True])
    if draw.random() < 0.05:
        schema["properties"]["nothing"] = {"type": "null"}
    needed = set(schema.get("required", ()))
    others = draw.sample(NAMES_OF_OTHERS, 2) if draw.random() < 0.3 and schema.get("additionalProperties", True) else []
    undeclared = {name: (None, pair(draw, depth + 1)[1]) for name in others if name not in names}
    written = {**members, **undeclared}

    def write(d: Random) -> str:
        there = [name for name in names if name in needed or d.random() < 0.85]
        there += [name for name in undeclared if d.random() < 0.7]
        if d.random() < 0.1:
            d.shuffle(there)
        colon = d.choice([": ", ":", ": ", " : "]) if d.random() < 0.1 else ": "
        return "{" + ", ".join(f"{json.dumps(name)}{colon}{written[name][1](d)}" for name in there) + "}"

    return schema, write


def stream(draw: Random) -> tuple[dict[str, Any], Any]:
    """Return the schema of a stream, and a function that writes its records."""
    schema, write = record(draw, 0)
    declared = draw.choice(
        [None, None, "http://json-schema.org/draft-04/schema#", "https://json-schema.org/draft/2020-12/schema"]
    )
    if declared:
        schema["$schema"] = declared
    if draw.random() < 0.2:
        name = next(iter(schema["properties"]))
        schema["definitions"] = {"d": schema["properties"][name]}
        schema["properties"][name] = {"$ref": "#/definitions/d"}
    return schema, write
