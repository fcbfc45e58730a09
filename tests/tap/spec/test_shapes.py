"""Shapes that real OpenAPI documents have: each, as short as can be, becomes a configuration that a run takes."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tap_rest_api.config import load_config
from tap_rest_api.errors import ConfigError
from tests.tap.spec.test_describe import draft

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("shapes.yaml")
USUAL = {"openapi": "3.0.3", "info": {"title": "Shop"}, "servers": [{"url": "https://api.example"}]}


class Shape(NamedTuple):
    """A document in YAML, the part of the option "tap" that it becomes, and words of what it leaves in doubt."""

    title: str
    document: str
    expected: Any
    doubts: list[str]


def shapes() -> Iterator[Shape]:
    for each in yaml.safe_load_all(FILE.read_text("utf-8")):
        document = {**({} if "swagger" in each["document"] else USUAL), **each["document"]}
        text = yaml.safe_dump(document, sort_keys=False)
        yield Shape(each["shape"], text, each["becomes"], each.get("doubts", []))


SHAPES = {shape.title: shape for shape in shapes()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_becomes_a_configuration_that_a_run_takes(shape: Shape, tmp_path: Path) -> None:
    found = draft(shape.document, tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(found.tap))
    config = load_config(str(path), dict.fromkeys(found.variables(), "x"))
    assert [stream.name for stream in config.streams] == [stream["name"] for stream in found.tap["streams"]]
    assert found.catalog()["streams"]
    assert part(found.tap, shape.expected) == shape.expected
    doubts = [f"{doubt.what}: {doubt.why}" for doubt in found.notes.doubts]
    assert [word for word in shape.doubts if not any(word in doubt for doubt in doubts)] == [], doubts


def part(found: Any, expected: Any) -> Any:
    """Return that part of a value which an expectation is about; a list is about all of its elements."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: part(found.get(key), value) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [part(one, other) for one, other in zip(found, expected, strict=True)]
    return found


JUNK = (None, 1, "x", [], {}, [1], {"a": 1}, True, ["x"], {"$ref": "#/nope"}, {"$ref": "#/paths"}, {"$ref": 5})


def test_a_broken_document_is_a_word_about_it_or_a_configuration_without_what_is_broken(tmp_path: Path) -> None:
    """Properties that are a list, names that are numbers and the like were tracebacks."""
    chance = random.Random(7)
    documents = [yaml.safe_load(shape.document) for shape in SHAPES.values()]
    for _ in range(400):
        document = copy.deepcopy(chance.choice(documents))
        *above, last = chance.choice([place for place in places(document) if place])
        node = document
        for key in above:
            node = node[key]
        node[last] = chance.choice(JUNK)
        with contextlib.suppress(ConfigError):
            draft(json.dumps(document), tmp_path).catalog()


def places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*above, key))
