"""lake schema: what is printed accepts the configurations that the programs accept, and names what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from lake import cli
from lake.errors import UsageError
from lake.project import load_project

EXAMPLE = json.loads((Path(__file__).parents[2] / "config.example.json").read_text("utf-8"))


def printed(part: str) -> Any:
    return json.loads(CliRunner().invoke(cli.lake, ["schema", part], standalone_mode=False).output)


@pytest.fixture(scope="module")
def whole() -> Any:
    return printed("config")


@pytest.mark.parametrize("part", ["tap", "target", "lake"])
def test_a_sections_schema_accepts_its_section(part: str) -> None:
    jsonschema.Draft4Validator(printed(part)).validate(EXAMPLE[part])


FOREIGN = {"command": ["tap-csv"], "config": {}, "catalog_option": "--properties"}


def test_an_editor_completes_a_tap_of_others_too(whole: Any) -> None:
    """No command printed it for a section alone."""
    alone = printed("tap")
    jsonschema.Draft4Validator.check_schema(alone)
    for schema, of in ((alone, lambda tap: tap), (whole, lambda tap: {**EXAMPLE, "tap": tap})):
        jsonschema.Draft4Validator(schema).validate(of(FOREIGN))
        assert not jsonschema.Draft4Validator(schema).is_valid(of({**FOREIGN, "catalog_option": "--x"}))


def test_the_whole_files_schema_accepts_it_and_a_tap_of_others(whole: Any) -> None:
    jsonschema.Draft4Validator.check_schema(whole)
    jsonschema.Draft4Validator(whole).validate({"$schema": "config.schema.json", **EXAMPLE})
    jsonschema.Draft4Validator(whole).validate({**EXAMPLE, "tap": FOREIGN})


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("target", {"pth": "x"}),
        ("lake", {"schedule": [{"evry": "1h"}]}),
        ("tap", {"base_url": "https://x", "streams": [{"name": "a", "path": "/a", "pagination": {"type": "pge"}}]}),
    ],
)
def test_what_is_wrong_at_any_depth_is_refused(section: str, wrong: Any, whole: Any) -> None:
    assert not jsonschema.Draft4Validator(whole).is_valid({**EXAMPLE, section: wrong})


def test_a_file_may_name_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    document = {"$schema": "config.schema.json", "tap": {"$schema": "x", **EXAMPLE["tap"]}, "target": {"path": "lake"}}
    path.write_text(json.dumps(document))
    assert load_project(path).has_tap


def test_a_section_that_is_misspelt_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"$schema": "x", "target": {"path": "lake"}, "laek": {"zones": "sql"}}')
    with pytest.raises(UsageError) as caught:
        load_project(path)
    assert caught.value.show().split("\n") == [
        'Error: unknown key "laek"',
        f"  where: {path} /laek",
        '  fix:   did you mean "lake"?',
    ]
