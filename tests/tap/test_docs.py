"""docs/tap.md: every option stands there, and every example there is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.check import load_schema
from tap_rest_api.config import load_config
from tap_rest_api.state import parse_state
from tap_rest_api.stream_rules import AUTH_OPTIONS, PAGINATION_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (Path(__file__).parents[2] / "docs" / "tap.md").read_text("utf-8")
ROW = re.compile(r'^\| `(?P<option>[^`]+)` \| `{1,2}(?P<example>"[^|]*(?:\\\|[^|]*)*?)`{1,2} \|')
ENVIRONMENT = dict.fromkeys(("API_TOKEN", "TOKEN", "PASSWORD"), "secret")


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield section, option and example of every row that has an example."""
    section = ""
    for line in TEXT.splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        elif match := ROW.match(line):
            yield section, match["option"], match["example"].replace("\\|", "|").strip("` ")


EXAMPLES = list(rows())


@pytest.mark.parametrize(("section", "option", "example"), EXAMPLES, ids=[f"{row[0]}-{row[1]}" for row in EXAMPLES])
def test_an_example_is_accepted(tmp_path: Path, section: str, option: str, example: str) -> None:
    fragment = json.loads(f"{{{example}}}")
    shop = {"name": "shops", "path": "/shops", "primary_key": ["id"]}
    stream: dict[str, Any] = {"name": "items", "path": "/items"}
    config: dict[str, Any] = {"base_url": "https://api.example", "vars": {"shop": 1}, "streams": [shop, stream]}
    (config if section == "Top level" else stream).update(fragment)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    load_config(str(path), ENVIRONMENT)
    assert f'"{option}"' in example


SECTIONS = {
    "Top level": lambda schema: schema["properties"],
    "A stream": lambda schema: schema["definitions"]["stream"]["properties"],
    "auth": lambda schema: schema["definitions"]["auth"]["properties"],
    "pagination": lambda schema: schema["definitions"]["pagination"]["properties"],
    "replication": lambda schema: schema["definitions"]["replication"]["properties"],
    "parents": lambda schema: schema["definitions"]["parent"]["properties"],
    "errors": lambda schema: schema["definitions"]["error"]["properties"],
    "limits": lambda schema: schema["definitions"]["limits"]["properties"],
}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_option_is_documented_with_an_example(section: str) -> None:
    documented = {option for place, option, _ in EXAMPLES if place == section}
    assert documented == set(SECTIONS[section](load_schema()))


def test_every_type_knows_which_options_it_takes() -> None:
    definitions = load_schema()["definitions"]
    assert set(PAGINATION_OPTIONS) == set(definitions["pagination"]["properties"]["type"]["enum"])
    assert set(AUTH_OPTIONS) == set(definitions["auth"]["properties"]["type"]["enum"])


def test_the_state_shown_is_one() -> None:
    text = TEXT.split("```json")[1].split("```")[0]
    state = parse_state(text, "", ("reviews", "products", "shops"))
    assert state.to_value() == json.loads(text)
