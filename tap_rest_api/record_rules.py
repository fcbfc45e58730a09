"""Turns a merged stream's options about its bodies and records into the problems that a JSON Schema cannot see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_rest_api.field_tree import parse_path
from tap_rest_api.problem import Problem
from tap_rest_api.schemas import has_field
from tap_rest_api.template import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.problem import RawStream

_BODY_FORMS = {"form": (dict, 'an object, such as {"since": "${sync.start}"}'), "text": (str, "a text")}
XML_PATH = re.compile(r"[^.\s\[\]]+(\.[^.\s\[\]]+)+")
_WITHOUT_PATHS = ("jsonl", "csv")  # formats whose bodies hold records and nothing else


def mask_key_problems(merged: RawStream) -> Iterator[Problem]:
    """Yield what is wrong with the key under which "mask" hashes."""
    hashing = [index for index, stream in enumerate(merged["streams"]) if "hash" in stream.get("mask", {}).values()]
    if hashing and "mask_key" not in merged:
        fix = 'add "mask_key": "${env.MASK_KEY}" beside base_url; without a key, anyone could try out e-mail addresses.'
        yield Problem(["streams", hashing[0], "mask"], 'mask "hash" needs a key', fix)
    if not hashing and "mask_key" in merged:
        yield Problem(["mask_key"], 'mask_key, but no stream has a mask "hash"', "leave it out.")


def body_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with the form of a request's body."""
    if "body_type" in stream and "body" not in stream:
        yield Problem(["body_type"], "body_type without a body", 'add "body".')
    kind, noun = _BODY_FORMS.get(stream.get("body_type", "json"), (object, ""))
    if "body" in stream and not isinstance(stream["body"], kind):
        yield Problem(["body"], f'a body of the type "{stream["body_type"]}" must be {noun}')


def format_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield which paths the format of the answers leaves without a body to be looked up in."""
    form = stream.get("format", "auto")
    if form == "xml" and not XML_PATH.fullmatch(stream.get("records", "")):
        fix = 'set it to the names of a record\'s element and the one around it, such as "items.item".'
        yield Problem(["records"], 'format "xml" needs "records" to name two elements', fix)
    if form not in _WITHOUT_PATHS:
        return
    if "records" in stream:
        message = f'"records" means nothing to format "{form}": each {"row" if form == "csv" else "line"} is a record'
        yield Problem(["records"], message, "leave it out.")
    for option in ("next", "more", "total"):
        path = stream.get("pagination", {}).get(option, "header:")
        if not path.startswith(("header:", "last:")):
            yield Problem(["pagination", option], f'format "{form}" has no body in which "{path}" could stand')


def field_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with the fields that are added, left out, masked or exploded."""
    yield from _key_problems(stream)
    yield from _added_problems(stream)
    yield from _undeclared_problems(stream)
    both = sorted(set(stream.get("drop", ())) & set(stream.get("mask", {})))
    if both:
        yield Problem(["mask", both[0]], f'"{both[0]}" is dropped already', "leave it out of one of the two.")


def _key_problems(stream: RawStream) -> Iterator[Problem]:
    keys = {*stream.get("primary_key", ()), stream.get("replication", {}).get("key")}
    for option in ("drop", "mask"):
        for path in stream.get(option, ()):
            if path in keys:
                fix = "keys stand in the state, and tell records apart."
                yield Problem([option], f'"{path}" is a key of the stream and cannot be changed', fix)


def _added_problems(stream: RawStream) -> Iterator[Problem]:
    declared = stream.get("schema", {}).get("properties")
    parent = stream.get("parent")
    kept = parent.get("keep", {}) if isinstance(parent, dict) else {}
    added = list(stream.get("add", {}))
    if "explode" in stream:
        added.append(f"{stream['explode'].replace('[]', '').split('.')[-1]}_index")
    for name in added:
        where = ["add", name] if name in stream.get("add", {}) else ["explode"]
        if declared is not None and name not in declared:
            yield Problem(where, f'the schema does not declare "{name}"', f'add "{name}" to its properties.')
        if name in kept:
            yield Problem(where, f'the parent gives "{name}" too', "choose another name.")


def _undeclared_problems(stream: RawStream) -> Iterator[Problem]:
    """A path that the schema does not know is a slip; one in "mask" would let personal data through."""
    schema = stream.get("schema", {})
    for option in ("drop", "mask") if "properties" in schema else ():
        for path in stream.get(option, ()):
            if not any(has_field(schema, keys) for keys in parse_path(path)):
                yield Problem([option], f'the schema has no field "{path}"', nearest(path, schema["properties"]))
