# ruff: noqa: E501 - each row of the tables stays on its line
"""Mistakes in the options about bodies, formats and fields: what is said, where it points, how to mend it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.config import load_config
from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {},
        "at": {},
        "email": {},
        "who": {"type": "object", "properties": {"email": {}}},
        "rows": {"type": "array", "items": {"properties": {"cost": {}}}},
        "open": {"type": "object"},
    },
}


def load(folder: Path, options: dict[str, Any], **top: Any) -> Any:
    stream = {"name": "items", "path": "/items", "primary_key": ["id"], **options}
    path = folder / "config.json"
    path.write_text(
        json.dumps({"base_url": "https://api.example", "streams": [{"name": "shops", "path": "/"}, stream], **top})
    )
    return load_config(str(path), {})


MISTAKES = [
    ("body_type alone", {"body_type": "form"}, "body_type without a body", "/body_type", '"body"'),
    ("form of a text", {"body": "a=b", "body_type": "form"}, "must be an object", "/body", ""),
    ("text of an object", {"body": {"a": 1}, "body_type": "text"}, "must be a text", "/body", ""),
    ("xml without records", {"format": "xml"}, "name two elements", "", "items.item"),
    ("xml with one name", {"format": "xml", "records": "item"}, "name two elements", "/records", "items.item"),
    ("records of csv", {"format": "csv", "records": "data"}, "means nothing to format", "/records", "leave it out"),
    ("records of jsonl", {"format": "jsonl", "records": "data"}, "each line is a record", "/records", ""),
    ("total of csv", {"format": "csv", "pagination": {"type": "page", "total": "n"}}, "no body", "/pagination/total", ""),
    ("cursor of jsonl", {"format": "jsonl", "pagination": {"type": "cursor", "next": "n", "param": "p"}}, "no body", "/pagination/next", ""),
    ("where", {"where": "a ="}, "not a JMESPath", "/where", ""),
    ("dropped key", {"drop": ["id"]}, "is a key of the stream", "/drop", ""),
    ("masked key", {"mask": {"at": "drop"}, "replication": {"key": "at"}}, "is a key of the stream", "/mask", ""),
    ("hash without a key", {"mask": {"email": "hash"}}, "needs a key", "/mask", "mask_key"),
    ("unknown mask", {"mask": {"email": "md5"}}, "is not a choice", "/mask/email", "hash"),
    ("dropped and masked", {"drop": ["email"], "mask": {"email": "drop"}}, "is dropped already", "/mask/email", ""),
    ("mask of a slip", {"schema": SCHEMA, "mask": {"emial": "drop"}}, 'no field "emial"', "/mask", '"email"'),
    ("mask of a deep slip", {"schema": SCHEMA, "mask": {"who.mail": "drop"}}, 'no field "who.mail"', "/mask", ""),
    ("drop of a slip", {"schema": SCHEMA, "drop": ["rows.costs"]}, 'no field "rows.costs"', "/drop", ""),
    ("added and undeclared", {"schema": SCHEMA, "add": {"region": 1}}, 'does not declare "region"', "/add/region", "properties"),
    ("index undeclared", {"schema": SCHEMA, "explode": "rows"}, 'does not declare "rows_index"', "/explode", ""),
    ("added and kept", {"add": {"shop": 1}, "parent": {"stream": "shops", "keep": {"shop": "id"}}}, "the parent gives", "/add/shop", ""),
    ("page in a record", {"add": {"n": "${page.number}"}}, "belongs to a request", "/add", ""),
    ("start in a record", {"add": {"n": "${sync.start}"}}, "belongs to a request", "/add", ""),
    ("parent in a record", {"add": {"n": "${parent.id}"}}, "without a parent", "/add", ""),
    ("new field", {"on_new_field": "warn"}, "is not a choice", "/on_new_field", "keep"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message", "where", "fix"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_named(tmp_path: Path, options: dict[str, Any], message: str, where: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, options)
    assert caught.value.where.startswith(f"{tmp_path}/config.json /streams/1{where}")
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    "options",
    [
        {"schema": SCHEMA, "drop": ["rows[].cost", "who.email", "open.anything.below"], "mask": {"email": "drop"}},
        {"format": "csv", "pagination": {"type": "cursor", "next": "last:id", "param": "after"}},
        {"format": "jsonl", "pagination": {"type": "cursor", "next": "header:X-Next", "param": "after"}},
        {"body": [1], "method": "POST"},
        {"parent": "shops", "add": {"shop": "${parent.id}", "read": "${sync.end|%Y}", "n": None}},
    ],
)
def test_what_makes_sense_is_accepted(tmp_path: Path, options: dict[str, Any]) -> None:
    load(tmp_path, options)


def test_a_key_that_nobody_needs_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no stream has a mask"):
        load(tmp_path, {"mask": {"email": "drop"}}, mask_key="a key of sixteen")


def test_the_mask_key_is_a_secret(tmp_path: Path) -> None:
    assert "a key of sixteen" in load(tmp_path, {"mask": {"email": "hash"}}, mask_key="a key of sixteen").secrets


def test_the_file_may_name_its_schema_and_any_timeout(tmp_path: Path) -> None:
    config = load(tmp_path, {"limits": {"connect_timeout": 0.5}}, **{"$schema": "config.schema.json"})
    assert config.stream("items").limits.connect_timeout_seconds == 0.5
