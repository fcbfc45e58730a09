# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.catalog import keep_selections, load_catalog, select, to_entry
from tap_rest_api.config import Config
from tap_rest_api.errors import ConfigError
from tap_rest_api.traversal import Replication
from tests.tap.test_client import make_stream

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "at": {"type": "string"},
        "secret": {"x-own": 1},
        "o": {"type": "object"},
    },
    "required": ["id", "secret"],
}
STREAM = make_stream(primary_key=("id",), replication=Replication("at"))
CONFIG = Config("http://x", "", (), (STREAM, make_stream(name="shops")), frozenset())


def catalog(*entries: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy({"streams": list(entries) or [to_entry(STREAM, SCHEMA)]})


def metadata(entry: dict[str, Any], *breadcrumb: str) -> dict[str, Any]:
    rows = [row["metadata"] for row in entry["metadata"] if tuple(row["breadcrumb"]) == breadcrumb]
    return rows[0] if rows else {}


def with_field(name: str, **values: Any) -> dict[str, Any]:
    changed = catalog()
    metadata(changed["streams"][0], "properties", name).update(values)
    return changed


def test_an_entry_speaks_singers_vocabulary() -> None:
    entry = to_entry(STREAM, SCHEMA)
    assert (entry["tap_stream_id"], entry["stream"], entry["schema"]) == ("items", "items", SCHEMA)
    assert metadata(entry) == {
        "inclusion": "available",
        "selected": True,
        "selected-by-default": True,
        "table-key-properties": ["id"],
        "valid-replication-keys": ["at"],
        "forced-replication-method": "INCREMENTAL",
        "replication-key": "at",
    }
    inclusions = {name: metadata(entry, "properties", name)["inclusion"] for name in SCHEMA["properties"]}
    assert inclusions == {"id": "automatic", "at": "automatic", "secret": "available", "o": "available"}


def test_a_full_table_says_so() -> None:
    entry = to_entry(make_stream(selected=False), SCHEMA)
    assert metadata(entry)["forced-replication-method"] == "FULL_TABLE"
    assert metadata(entry)["selected"] is False
    assert "replication-key" not in metadata(entry)


@pytest.mark.parametrize(
    ("values", "is_selected"),
    [
        ({"selected": True}, True),
        ({"selected": "true"}, True),
        ({"selected": False}, False),
        ({"selected": "false"}, False),
        ({"selected-by-default": True}, True),
        ({"selected": False, "selected-by-default": True}, False),
        ({}, False),
        ({"inclusion": "unsupported", "selected": True}, False),
    ],
    ids=str,
)
def test_a_stream_is_selected_as_singer_says(values: dict[str, Any], is_selected: bool) -> None:
    changed = catalog()
    changed["streams"][0]["metadata"] = [{"breadcrumb": [], "metadata": values}]
    assert bool(select(changed, CONFIG, "catalog.json")) is is_selected


@pytest.mark.parametrize(
    ("values", "is_dropped"),
    [
        ({"selected": False}, True),
        ({"selected": "false"}, True),
        ({"selected": "true"}, False),
        ({"selected-by-default": False}, True),
        ({"selected-by-default": False, "selected": True}, False),
        ({"inclusion": "unsupported"}, True),
        ({}, False),
    ],
    ids=str,
)
def test_a_deselected_field_leaves_record_and_schema(values: dict[str, Any], is_dropped: bool) -> None:
    selection = select(with_field("secret", **values), CONFIG, "")[0]
    assert selection.dropped == ({"secret"} if is_dropped else set())
    assert ("secret" in selection.schema["properties"]) is not is_dropped
    assert ("secret" in selection.schema["required"]) is not is_dropped


@pytest.mark.parametrize("name", ["id", "at"])
def test_keys_cannot_be_deselected(name: str) -> None:
    assert not select(with_field(name, selected=False, inclusion="available"), CONFIG, "")[0].dropped


def test_a_deselection_below_the_top_is_refused_rather_than_ignored() -> None:
    changed = catalog()
    changed["streams"][0]["metadata"].append(
        {"breadcrumb": ["properties", "o", "properties", "deep"], "metadata": {"selected": False}}
    )
    with pytest.raises(ConfigError, match=r'deselects "o\.deep"') as caught:
        select(changed, CONFIG, "catalog.json")
    assert caught.value.where == "catalog.json /streams/0"


def test_the_schema_of_the_catalog_is_what_is_sent() -> None:
    changed = catalog()
    changed["streams"][0]["schema"]["properties"]["id"]["description"] = "edited"
    assert select(changed, CONFIG, "")[0].schema["properties"]["id"]["description"] == "edited"


def test_a_stream_the_configuration_lacks_is_an_error() -> None:
    unknown = catalog()
    unknown["streams"][0]["tap_stream_id"] = "item"
    with pytest.raises(ConfigError, match='selects the stream "item"') as caught:
        select(unknown, CONFIG, "catalog.json")
    assert caught.value.fix == 'did you mean "items"?'


def test_selections_survive_a_new_discovery() -> None:
    earlier = with_field("secret", selected=False)
    metadata(earlier["streams"][0])["selected"] = "false"
    earlier["streams"][0]["metadata"].append({"breadcrumb": ["properties", "gone"], "metadata": {"selected": True}})
    found = keep_selections(catalog(to_entry(STREAM, SCHEMA), to_entry(make_stream(name="new"), SCHEMA)), earlier)
    old, new = found["streams"]
    assert metadata(old)["selected"] == "false"
    assert metadata(old, "properties", "secret") == {"inclusion": "available", "selected": False}
    assert metadata(old, "properties", "gone") == {}
    assert metadata(new)["selected"] is True


@pytest.mark.parametrize(
    ("content", "words", "where"),
    [
        ({}, 'no array "streams"', ""),
        ({"streams": {}}, 'no array "streams"', ""),
        ({"streams": [5]}, "needs tap_stream_id", "/streams/0"),
        ({"streams": [{"tap_stream_id": "a", "schema": {}, "metadata": []}]}, "needs tap_stream_id", "/streams/0"),
        ({"streams": [{"tap_stream_id": "a", "schema": {"properties": {}}}]}, "needs tap_stream_id", "/streams/0"),
        (
            {"streams": [{"tap_stream_id": "a", "schema": {"properties": {}}, "metadata": [{"breadcrumb": [1], "metadata": {}}]}]},
            "needs tap_stream_id",
            "/streams/0",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_catalog(tmp_path: Path, content: Any, words: str, where: str) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=words) as caught:
        load_catalog(str(path))
    assert caught.value.where.endswith(where)
    assert "--discover" in caught.value.fix
