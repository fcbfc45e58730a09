"""tap-rest-api --openapi: what a document describes becomes streams; what it does not say is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_rest_api.errors import ConfigError, TapError
from tap_rest_api.probe.asker import World
from tap_rest_api.run import Options
from tap_rest_api.spec.choose import choose
from tap_rest_api.spec.describe import describe
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import _run

if TYPE_CHECKING:
    from tap_rest_api.probe.draft import Draft

EXAMPLE = Path(__file__).parents[3] / "examples" / "marketplace"
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "updated_at": {"format": "date-time"}}}


def draft(document: Any, tmp_path: Path, *named: str, **options: Any) -> Draft:
    path = tmp_path / "api.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    given = {"server": None, "auth": None, "headers": (), "take_all": not named, "ask": None, **options}
    return describe(str(path), named=named, world=World({}), **given)


def spec(paths: Any, **more: Any) -> dict[str, Any]:
    servers = [{"url": "https://api.example/v1"}]
    return {"openapi": "3.0.3", "info": {"title": "Shop API"}, "servers": servers, "paths": paths, **more}


def lists(schema: Any, *parameters: Any, **more: Any) -> dict[str, Any]:
    answer = {"description": "", "content": {"application/json": {"schema": schema}}, **more}
    return {"get": {"parameters": list(parameters), "responses": {"200": answer}}}


def array(schema: Any = SCHEMA) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def query(name: str, kind: str = "integer", **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": kind, **schema}}


def in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def wrapped(**around: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"data": array(), **around}}


TEXT = {"type": "string"}
PAGINATIONS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "page": (lists(array(), query("page")), {"type": "page", "param": "page"}),
    "page from 0": (lists(array(), query("page", minimum=0)), {"type": "page", "param": "page", "start": 0}),
    "json:api": (lists(wrapped(), query("page[number]")), {"type": "page", "param": "page[number]"}),
    "offset with a size": (
        lists(array(), query("offset"), query("limit", maximum=500)),
        {"type": "offset", "param": "offset", "size": 500, "size_param": "limit"},
    ),
    "a size beyond all reason": (
        lists(array(), query("skip"), query("limit", maximum=10**9)),
        {"type": "offset", "param": "skip", "size": 1000, "size_param": "limit"},
    ),
    "cursor": (
        lists(wrapped(meta={"properties": {"next_cursor": TEXT}}), query("cursor", "string")),
        {"type": "cursor", "next": "meta.next_cursor", "param": "cursor"},
    ),
    "page token": (
        lists(wrapped(nextPageToken=TEXT), query("pageToken", "string")),
        {"type": "cursor", "next": "nextPageToken", "param": "pageToken"},
    ),
    "link header": (lists(array(), headers={"Link": {"schema": TEXT}}), {"type": "link"}),
    "link in the body": (
        lists(wrapped(next={"type": "string", "format": "uri"}), query("page")),
        {"type": "link", "next": "next"},
    ),
    "nothing": (lists(array()), None),
}


@pytest.mark.parametrize(("item", "option"), PAGINATIONS.values(), ids=PAGINATIONS)
def test_pagination_is_told_by_names_or_said_to_be_unknown(item: Any, option: Any, tmp_path: Path) -> None:
    found = draft(spec({"/orders": item}), tmp_path)
    stream = found.tap["streams"][0]
    assert stream.get("pagination") == option
    assert ("orders: pagination" in {doubt.what for doubt in found.notes.doubts}) == (option is None)
    assert found.notes.doubts[-1].what == "everything"


TEMPLATES = {
    "date-time": (query("updated_since", "string", format="date-time"), "${sync.start}"),
    "date": (query("updated_since", "string", format="date"), "${sync.start|%Y-%m-%d}"),
    "the word first": (query("since_updated_at", "string", format="date-time"), "${sync.start}"),
    "if modified": (query("if_modified_since", "string", format="date-time"), "${sync.start}"),
    "another word for it": (query("changedSince", "string", format="date-time"), "${sync.start}"),
    "brackets": (query("updated_at[gte]", "string"), "${sync.start}"),
    "since": (query("since", "string"), "${sync.start}"),
}


@pytest.mark.parametrize(("parameter", "template"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_filter_by_what_changed_is_used(parameter: Any, template: str, tmp_path: Path) -> None:
    stream = draft(spec({"/orders": lists(array(), parameter)}), tmp_path).tap["streams"][0]
    assert stream["replication"] == {"key": "updated_at"}
    assert stream["params"] == {parameter["name"]: template}


def test_a_filter_by_what_was_created_is_only_suggested(tmp_path: Path) -> None:
    record = {"type": "object", "properties": {"id": TEXT, "created_at": {"type": "string", "format": "date-time"}}}
    found = draft(spec({"/orders": lists(array(record), query("created_after", "string"))}), tmp_path)
    assert "replication" not in found.tap["streams"][0]
    assert any("created_after" in doubt.fix for doubt in found.notes.doubts)


def test_children_stand_below_their_parents_and_grandchildren_find_both(tmp_path: Path) -> None:
    paths = {
        "/shops/{shop_id}/orders/{orderId}/lines": lists(array(), in_path("shop_id"), in_path("orderId")),
        "/shops/{shop_id}/orders": lists(array(), in_path("shop_id")),
        "/shops": lists(array()),
        "/users/{user}/files": lists(array(), in_path("user")),
        "/shops/{shop_id}": lists(SCHEMA, in_path("shop_id")),
    }
    found = draft(spec(paths), tmp_path)
    streams = {stream["name"]: stream for stream in found.tap["streams"]}
    assert list(streams) == ["shops", "orders", "lines"]
    assert streams["orders"]["path"] == "/shops/${parent.id}/orders"
    assert streams["orders"]["parent"] == {"stream": "shops", "keep": {"shop_id": "id"}}
    assert streams["lines"]["path"] == "/shops/${parent.shop_id}/orders/${parent.id}/lines"
    assert streams["lines"]["parent"] == "orders"
    assert "shop_id" in streams["orders"]["schema"]["properties"]
    (left_out,) = [doubt.why for doubt in found.notes.doubts if doubt.what == "left out"]
    assert left_out == "GET /users/{user}/files: nothing lists what user may be"
    assert [entry["stream"] for entry in found.catalog()["streams"]] == ["shops", "orders", "lines"]


def test_a_chosen_child_brings_its_parent_unselected(tmp_path: Path) -> None:
    paths = {"/shops": lists(array()), "/shops/{id}/orders": lists(array(), in_path("id")), "/users": lists(array())}
    streams = draft(spec(paths), tmp_path, "orders").tap["streams"]
    assert [(stream["name"], stream.get("selected")) for stream in streams] == [("shops", False), ("orders", None)]


def test_a_child_is_read_for_all_of_an_incremental_parent(tmp_path: Path) -> None:
    paths = {
        "/shops": lists(array(), query("updated_since", "string")),
        "/shops/{id}/orders": lists(array(), in_path("id"), query("updated_since", "string")),
    }
    shops, orders = draft(spec(paths), tmp_path).tap["streams"]
    assert shops["replication"] == orders["replication"] == {"key": "updated_at"}
    assert orders["parent"] == {"stream": "shops", "read": "all"}


def test_a_cursor_named_after_is_not_taken_for_a_start(tmp_path: Path) -> None:
    item = lists(wrapped(next_cursor=TEXT), query("after", "string"))
    record = {
        "data": array({"type": "object", "properties": {**SCHEMA["properties"], "created_at": {"format": "date-time"}}})
    }
    item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"] |= record
    stream = draft(spec({"/orders": item}), tmp_path).tap["streams"][0]
    assert stream["pagination"] == {"type": "cursor", "next": "next_cursor", "param": "after"}
    assert "params" not in stream
    assert "replication" not in stream


def test_paths_that_end_alike_get_names_of_their_own(tmp_path: Path) -> None:
    paths = {"/a/items": lists(array()), "/b/items": lists(array()), "/items": lists(array())}
    names = [stream["name"] for stream in draft(spec(paths), tmp_path).tap["streams"]]
    assert sorted(names) == ["a_items", "b_items", "items"]


def test_a_required_parameter_takes_its_default_or_the_stream_is_left_out(tmp_path: Path) -> None:
    need = {"required": True}
    paths = {
        "/orders": lists(array(), query("view", "string", enum=["full", "lean"]) | need),
        "/search": lists(array(), query("q", "string") | need),
    }
    found = draft(spec(paths), tmp_path)
    assert [(s["name"], s["params"]) for s in found.tap["streams"]] == [("orders", {"view": "full"})]
    assert any("/search: it needs the parameter q" in doubt.why for doubt in found.notes.doubts)


SCHEMES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bearer": ({"type": "http", "scheme": "bearer"}, {"type": "bearer", "token": "${env.SHOP_TOKEN}"}),
    "basic": (
        {"type": "http", "scheme": "basic"},
        {"type": "basic", "username": "${env.SHOP_USER}", "password": "${env.SHOP_PASSWORD}"},
    ),
    "key": (
        {"type": "apiKey", "in": "query", "name": "k"},
        {"type": "api_key", "in": "query", "name": "k", "token": "${env.SHOP_API_KEY}"},
    ),
    "client credentials": (
        {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://a.example/token", "scopes": {}}}},
        {
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": "https://a.example/token",
            "client_id": "${env.SHOP_CLIENT_ID}",
            "client_secret": "${env.SHOP_CLIENT_SECRET}",
        },
    ),
    "a person's login": (
        {"type": "oauth2", "flows": {"implicit": {}}},
        {"type": "bearer", "token": "${env.SHOP_TOKEN}"},
    ),
}


@pytest.mark.parametrize(("scheme", "auth"), SCHEMES.values(), ids=SCHEMES)
def test_a_security_scheme_becomes_names_of_variables(scheme: Any, auth: Any, tmp_path: Path) -> None:
    document = spec({"/orders": lists(array())}, components={"securitySchemes": {"s": scheme}}, security=[{"s": []}])
    found = draft(document, tmp_path)
    assert found.tap["auth"] == auth
    assert found.catalog()["streams"]
    assert draft(document, tmp_path, auth="bearer:env.MINE").tap["auth"] == {"type": "bearer", "token": "${env.MINE}"}


def test_swagger_2_is_read_as_well(tmp_path: Path) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Old"},
        "host": "old.example",
        "basePath": "/api",
        "schemes": ["http", "https"],
        "securityDefinitions": {"b": {"type": "basic"}},
        "paths": {
            "/pets": {
                "get": {
                    "parameters": [
                        {"name": "page", "in": "query", "type": "integer"},
                        {"name": "limit", "in": "query", "type": "integer", "maximum": 50},
                    ],
                    "responses": {200: {"schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}},
                }
            }
        },
        "definitions": {
            "Pet": {"properties": {"id": {"type": "integer"}, "tag": {"type": "string", "x-nullable": True}}}
        },
    }
    found = draft(document, tmp_path)
    stream = found.tap["streams"][0]
    assert found.tap["base_url"] == "https://old.example/api"
    assert stream["pagination"] == {"type": "page", "param": "page", "size": 50, "size_param": "limit"}
    assert stream["schema"]["properties"] == {"id": {"type": "integer"}, "tag": {"type": ["null", "string"]}}
    assert found.tap["auth"]["type"] == "basic"


def test_yaml_is_read_and_a_date_in_it_stays_a_text(tmp_path: Path) -> None:
    document = spec(
        {"/orders": lists(array({"type": "object", "properties": {"id": TEXT, "no": {"enum": ["on", "2024-01-01"]}}}))}
    )
    text = yaml.safe_dump(document).replace("'2024-01-01'", "2024-01-01").replace("'on'", "on").replace("'no'", "no")
    schema = draft(text, tmp_path).tap["streams"][0]["schema"]
    assert schema["properties"]["no"] == {"enum": ["on", "2024-01-01"]}


def test_references_are_followed_and_a_ring_is_left_open(tmp_path: Path) -> None:
    node = {"type": "object", "properties": {"id": TEXT, "parent": {"$ref": "#/components/schemas/Node"}}}
    components = {
        "schemas": {"Node": node},
        "parameters": {"P": query("page")},
        "responses": {"L": {"content": {"application/json": {"schema": array({"$ref": "#/components/schemas/Node"})}}}},
    }
    paths = {
        "/nodes": {
            "get": {
                "parameters": [{"$ref": "#/components/parameters/P"}],
                "responses": {"200": {"$ref": "#/components/responses/L"}},
            }
        }
    }
    stream = draft(spec(paths, components=components), tmp_path).tap["streams"][0]
    assert stream["pagination"] == {"type": "page", "param": "page"}
    assert stream["schema"]["properties"] == {"id": TEXT, "parent": {}}


BROKEN: dict[str, tuple[Any, str]] = {
    "not a document": ({"a": 1}, 'neither "openapi" nor "swagger"'),
    "another version": ({"openapi": "4.0"}, "says version 4.0"),
    "not an object": ("[1]", "not an object"),
    "not readable": ("{,", "neither JSON nor YAML"),
    "a YAML bomb": ("a: &a [x]\nb: &b [*a, *a]\n", 'neither "openapi"'),
    "no server": (spec({"/o": lists(array())}, servers=[{"url": "/v1"}]), "does not say where the API is"),
    "no list": (spec({"/me": lists(SCHEMA)}), "no GET that is answered with a list"),
    "no paths": (spec(None), "no GET that is answered with a list"),
    "nonsense for an operation": (spec({"/o": {"get": {"responses": {"200": {"content": []}}}}}), "no GET"),
    "a parameter inside a word": (spec({"/o-{id}/x": lists(array(), in_path("id"))}), "no GET"),
    "paths as a list": (spec([1]), "not as OpenAPI has it"),
    "a server without a url": (spec({}, servers=[{}]), "not as OpenAPI has it"),
    "servers as a text": (spec({}, servers="https://x"), "not as OpenAPI has it"),
    "security as texts": (spec({}, security=["a"]), "not as OpenAPI has it"),
    "schemes as texts": (spec({}, components={"securitySchemes": {"a": "b"}}), "not as OpenAPI has it"),
    "a reference outside": (spec({"/o": lists({"$ref": "other.json#/X"})}), "no GET"),
    "a reference to nothing": (spec({"/o": lists({"$ref": "#/components/X"})}), "no GET"),
}


@pytest.mark.parametrize(("document", "message"), BROKEN.values(), ids=BROKEN)
def test_a_document_that_is_no_use_is_explained(document: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        draft(document, tmp_path)
    assert message in caught.value.show()


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        describe(
            str(tmp_path / "no"), server=None, auth=None, headers=(), named=(), take_all=True, ask=None, world=World({})
        )


def test_the_document_may_be_fetched_and_its_server_is_relative_to_it(tmp_path: Path) -> None:
    document = spec({"/orders": lists(array())}, servers=[{"url": "/v9"}])
    with FakeApi(
        lambda seen: Reply(document if seen.path == "/docs/api.json" else {}, 200 if "docs" in seen.path else 404)
    ) as api:
        out = _run(
            tmp_path / "o", "openapi", Options(openapi=f"{api.url}/docs/api.json", take_all=True, form="json"), {}
        )
        none = _run(tmp_path / "n", "openapi", Options(openapi=f"{api.url}/none.json", take_all=True), {})
        assert json.loads(out.output)["tap"]["base_url"] == f"{api.url}/v9"
        assert json.loads(out.output)["files"].keys() == {"schemas/orders.json"}
    assert none.exit_code == 4


ELSEWHERE = {
    "the page about it": (
        Reply(b"<!doctype html><title>API</title>", headers={"Content-Type": "text/html"}),
        "the document itself",
    ),
    "nothing": (Reply({}, 404), "the document itself"),
    "for others": (Reply({}, 401), "download it"),
    "not now": (Reply({}, 503), "try again later"),
}


@pytest.mark.parametrize(("reply", "fix"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_document_that_does_not_come_is_explained(reply: Reply, fix: str, tmp_path: Path) -> None:
    with FakeApi(lambda seen: reply) as api:
        outcome = _run(tmp_path / "out", "openapi", Options(openapi=f"{api.url}/docs", take_all=True), {})
    assert fix in outcome.error.show()


OFFERED = {"a": "first", "b": "second", "c": "third"}
ANSWERS = {"2": ["b"], "all": ["a", "b", "c"], "c, 1": ["a", "c"], " b ": ["b"]}


@pytest.mark.parametrize(("answer", "chosen"), ANSWERS.items(), ids=ANSWERS)
def test_a_person_chooses_by_number_or_name(answer: str, chosen: list[str]) -> None:
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return answer

    assert choose(OFFERED, (), take_all=False, ask=ask) == chosen
    assert "2  b                        second" in questions[0]


@pytest.mark.parametrize(("named", "answer"), [(("d",), None), ((), "7"), ((), "x")], ids=["option", "number", "word"])
def test_what_is_not_offered_is_refused(named: tuple[str, ...], answer: str | None) -> None:
    with pytest.raises(ConfigError, match="there is no stream"):
        choose(OFFERED, named, take_all=False, ask=(lambda _: answer) if answer else None)


def test_without_a_terminal_the_names_are_listed(tmp_path: Path) -> None:
    with pytest.raises(TapError) as caught:
        choose(OFFERED, (), take_all=False, ask=None)
    assert "a, b, c" in caught.value.fix


def test_the_examples_document_has_the_schemas_that_stand_beside_it() -> None:
    schemas = json.loads((EXAMPLE / "openapi.json").read_text("utf-8"))["components"]["schemas"]
    for name, file in (("Shop", "shops"), ("Product", "products"), ("DiaperReview", "diaper_reviews")):
        own = json.loads((EXAMPLE / "schemas" / f"{file}.json").read_text("utf-8"))
        assert schemas[name] == {key: value for key, value in own.items() if key != "$schema"}
