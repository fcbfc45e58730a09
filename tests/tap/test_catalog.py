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
        "replication-method": "INCREMENTAL",
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
    assert selection.dropped == ({("secret",)} if is_dropped else set())
    assert ("secret" in selection.schema["properties"]) is not is_dropped
    assert ("secret" in selection.schema["required"]) is not is_dropped


@pytest.mark.parametrize("name", ["id", "at"])
def test_keys_cannot_be_deselected(name: str) -> None:
    assert not select(with_field(name, selected=False, inclusion="available"), CONFIG, "")[0].dropped


DEEP = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "o": {
            "anyOf": [
                {"type": "object", "properties": {"deep": {"type": "string"}, "x": {}}, "required": ["deep", "x"]},
                {"type": "null"},
            ]
        },
        "rows": {"type": "array", "items": {"type": "object", "properties": {"properties": {}, "price": {}}}},
    },
}


@pytest.mark.parametrize(
    ("breadcrumb", "path"),
    [
        (("properties", "o", "properties", "deep"), ("o", "deep")),
        (("properties", "o", "anyOf", "0", "properties", "deep"), ("o", "deep")),
        (("properties", "rows", "items", "properties", "price"), ("rows", "price")),
        (("properties", "rows", "items", "properties", "properties"), ("rows", "properties")),
        (("properties", "rows"), ("rows",)),
    ],
    ids=".".join,
)
def test_a_field_at_any_depth_can_be_deselected(breadcrumb: tuple[str, ...], path: tuple[str, ...]) -> None:
    changed = catalog(to_entry(make_stream(), DEEP))
    changed["streams"][0]["metadata"].append({"breadcrumb": breadcrumb, "metadata": {"selected": False}})
    selection = select(changed, CONFIG, "")[0]
    assert selection.dropped == {path}
    fields = selection.schema["properties"]
    assert ("rows" in fields) is (path != ("rows",))
    assert ("deep" in str(fields["o"])) is (path != ("o", "deep"))
    assert ("price" in str(fields.get("rows"))) is (path[0] != "rows" or path[-1] == "properties")


def test_every_field_can_be_named_in_the_catalog() -> None:
    crumbs = [tuple(row["breadcrumb"]) for row in to_entry(make_stream(), DEEP)["metadata"]]
    assert crumbs == [
        (),
        ("properties", "id"),
        ("properties", "o"),
        ("properties", "o", "properties", "deep"),
        ("properties", "o", "properties", "x"),
        ("properties", "rows"),
        ("properties", "rows", "items", "properties", "properties"),
        ("properties", "rows", "items", "properties", "price"),
    ]


def with_stream(**values: Any) -> dict[str, Any]:
    changed = catalog()
    metadata(changed["streams"][0]).update(values)
    return changed


def test_a_stream_can_be_read_as_a_full_table_instead() -> None:
    assert select(with_stream(**{"replication-method": "FULL_TABLE"}), CONFIG, "")[0].stream.replication is None
    assert select(catalog(), CONFIG, "")[0].stream.replication == Replication("at")


def test_a_replication_key_is_one_of_the_valid_ones() -> None:
    wider = {"replication-key": "o", "valid-replication-keys": ["at", "o"]}
    replication = select(with_stream(**wider), CONFIG, "")[0].stream.replication
    assert replication is not None
    assert replication.key == "o"


@pytest.mark.parametrize("name", ["table-key-properties", "view-key-properties"])
def test_the_primary_key_of_the_catalog_is_taken(name: str) -> None:
    assert select(with_stream(**{name: ["id", "at"]}), CONFIG, "")[0].stream.primary_key == ("id", "at")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replication-method": "LOG_BASED"}, 'replication-method "LOG_BASED"'),
        ({"replication-key": "o"}, "not among the valid"),
        ({"replication-key": "x", "valid-replication-keys": ["at", "x"]}, 'replication-key names "x"'),
        ({"replication-key": "o", "valid-replication-keys": ["o"]}, "older than the replication key"),
        ({"view-key-properties": ["ids"]}, 'view-key-properties names "ids"'),
    ],
    ids=str,
)
def test_what_a_stream_cannot_do_is_an_error(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        select(with_stream(**values), CONFIG, "catalog.json")
    assert caught.value.where == "catalog.json /streams/0"


def test_a_full_table_cannot_be_made_incremental() -> None:
    changed = catalog(to_entry(make_stream(), SCHEMA))
    metadata(changed["streams"][0])["replication-method"] = "INCREMENTAL"
    streams = Config("http://x", "", (), (make_stream(),), frozenset())
    with pytest.raises(ConfigError, match="only be read as a full table"):
        select(changed, streams, "")


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
    found = keep_selections(catalog(to_entry(STREAM, SCHEMA), to_entry(make_stream(name="new"), SCHEMA)), earlier)
    old, new = found["streams"]
    assert metadata(old)["selected"] == "false"
    assert metadata(old, "properties", "secret") == {"inclusion": "available", "selected": False}
    assert metadata(new)["selected"] is True


def test_a_field_that_vanished_comes_back_deselected() -> None:
    """Its row stays in the catalog meanwhile, and it stays out of the records even before the next discovery."""
    earlier = with_field("secret", selected=False)
    smaller = {"type": "object", "properties": {"id": {}, "at": {}}}
    without = keep_selections(catalog(to_entry(STREAM, smaller)), earlier)
    assert select(without, CONFIG, "")[0].dropped == {("secret",)}
    back = keep_selections(catalog(), without)
    assert metadata(back["streams"][0], "properties", "secret") == {"inclusion": "available", "selected": False}


def test_overrides_survive_a_new_discovery() -> None:
    chosen = {
        "replication-method": "FULL_TABLE",
        "replication-key": "o",
        "valid-replication-keys": ["at", "o"],
        "view-key-properties": ["at"],
    }
    about = metadata(keep_selections(catalog(), with_stream(**chosen))["streams"][0])
    assert {name: about[name] for name in chosen} == chosen


def test_an_override_that_the_configuration_has_overtaken_does_not_survive() -> None:
    other = make_stream(primary_key=("id",), replication=Replication("o"))
    about = metadata(keep_selections(catalog(to_entry(other, SCHEMA)), catalog())["streams"][0])
    assert (about["replication-key"], about["valid-replication-keys"]) == ("o", ["o"])
    full = metadata(keep_selections(catalog(to_entry(make_stream(), SCHEMA)), catalog())["streams"][0])
    assert "replication-method" not in full


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
