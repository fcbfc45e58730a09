# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

import copy
import json
import os
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_rest_api.check import load_schema
from tap_rest_api.config import load_config
from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "at": {"type": "string"}}}
GOOD: dict[str, Any] = {
    "base_url": "https://api.example/v1/",
    "streams": [
        {"name": "shops", "path": "/shops", "primary_key": ["id"], "schema": SCHEMA},
        {"name": "items", "path": "/shops/${parent.id}/items", "parent": "shops"},
    ],
}


def write(folder: Path, content: Any) -> str:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The good configuration with values put at JSON pointers."""
    config = copy.deepcopy(GOOD)
    for pointer, value in changes:
        *parents, last = pointer.strip("/").split("/")
        place: Any = config
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    return config


CLIENT = {
    "type": "oauth2",
    "grant": "client_credentials",
    "token_url": "https://a.example/t",
    "client_id": "c",
    "client_secret": "s",
}
LOGIN = {"type": "login", "request": {"path": "/login"}, "token_path": "token"}

# Where it is wrong, what is said, where it points, how to mend it.
MISTAKES = [
    ("unknown key", changed(("/streams/0/recrods", "data")), 'unknown key "recrods"', "/streams/0/recrods", '"records"'),
    ("unknown nested key", changed(("/streams/0/pagination/typ", "page")), 'unknown key "typ"', "/streams/0/pagination/typ", '"type"'),
    ("unknown key in defaults", changed(("/defaults/pagination/typ", "page")), 'unknown key "typ"', "/defaults/pagination/typ", '"type"'),
    ("unimplemented option", changed(("/cache", True)), 'unknown key "cache"', "/cache", ""),
    ("unknown choice", changed(("/streams/0/pagination", {"type": "pages"})), '"pages" is not a choice', "/streams/0/pagination/type", '"page"'),
    ("wrong type", changed(("/streams/0/pagination", {"type": "page", "size": "5"})), "expected integer, found string", "/streams/0/pagination/size", ""),
    ("missing key", {"streams": GOOD["streams"]}, 'the key "base_url" is missing', "", "add it"),
    ("misspelt key", {"base_ur": "x", "streams": GOOD["streams"]}, "", "", '"base_url"'),
    ("no streams", {"base_url": "http://x", "streams": []}, "", "/streams", ""),
    ("stream name", changed(("/streams/0/name", "a b")), "does not have the form", "/streams/0/name", ""),
    ("base_url with a user", changed(("/base_url", "https://u:p@api.example")), "more than a host", "/base_url", '"auth"'),
    ("base_url with a query", changed(("/base_url", "https://api.example/?k=1")), "more than a host", "/base_url", '"params"'),
    ("base_url with a bad port", changed(("/base_url", "https://api.example:x/")), "not a URL", "/base_url", ""),
    ("base_url with a line break", changed(("/base_url", "https://api.example\n")), "a line break", "/base_url", "take it out"),
    ("path with a line break", changed(("/streams/0/path", "/shops\r\nX: 1")), "a line break", "/streams/0/path", "take it out"),
    ("negative lookback", changed(("/streams/0/replication", {"key": "at", "lookback": -5})), "", "/streams/0/replication/lookback", ""),
    ("line break in user_agent", changed(("/user_agent", "a\nb")), "cannot stand in a header", "/user_agent", ""),
    ("start_date", changed(("/start_date", "yesterday")), "start_date is not a date-time", "/start_date", "2024-01-31"),
    ("two names", changed(("/streams/1/name", "shops")), "two streams have the name", "/streams/1/name", ""),
    ("unknown parent", changed(("/streams/1/parent", "shop")), 'there is no stream "shop"', "/streams/1/parent", '"shops"'),
    ("parent ring", changed(("/streams/0/parent", "items")), "form a ring", "/streams/0/parent", ""),
    ("own parent", changed(("/streams/1/parent", "items")), "form a ring", "/streams/1/parent", ""),
    ("parent template alone", changed(("/streams/0/path", "/x/${parent.id}")), "without a parent", "/streams/0/path", '"parent"'),
    ("parent field", changed(("/streams/1/path", "/x/${parent.idd}")), 'no field "idd"', "/streams/1/path", '"id"'),
    ("kept field", changed(("/streams/1/parent", {"stream": "shops", "keep": {"x": "idd"}})), 'no field "idd"', "/streams/1/parent/keep/x", '"id"'),
    ("kept name not declared", changed(("/streams/1/parent", {"stream": "shops", "keep": {"shop": "id"}}), ("/streams/1/schema", SCHEMA)), 'does not declare "shop"', "/streams/1/parent/keep/shop", "properties"),
    ("template group", changed(("/streams/0/params", {"a": "${synk.start}"})), "unknown group", "/streams/0/params", '"sync"'),
    ("template name", changed(("/streams/0/params", {"a": "${sync.begin}"})), "unknown name", "/streams/0/params", "start"),
    ("template format", changed(("/streams/0/params", {"a": "${sync.start|iso}"})), '"|iso" is not a format', "/streams/0/params", "epoch"),
    ("undotted template", changed(("/streams/0/params", {"a": "${TOKEN}"})), "${TOKEN} is not a template", "/streams/0/params", "${env.TOKEN}"),
    ("template elsewhere", changed(("/streams/0/records", "${sync.start}")), "cannot stand here", "/streams/0/records", "params"),
    ("template in base_url", changed(("/base_url", "https://${sync.start}")), "cannot stand here", "/base_url", ""),
    ("page template", changed(("/streams/0/params", {"c": "${page.cursor}"}), ("/streams/0/pagination", {"type": "page"})), "gives no ${page.cursor}", "/streams/0/params", ""),
    ("page size template", changed(("/streams/0/params", {"c": "${page.size}"})), "without a size", "/streams/0/params", '"size"'),
    ("option of another pagination", changed(("/streams/0/pagination", {"type": "page", "next": "x"})), '"next" means nothing to pagination "page"', "/streams/0/pagination/next", "size"),
    ("option of none", changed(("/streams/0/pagination", {"type": "none", "max_pages": 1})), "means nothing", "/streams/0/pagination/max_pages", "no options"),
    ("cursor without next", changed(("/streams/0/pagination", {"type": "cursor", "param": "c"})), 'has no "next"', "/streams/0/pagination", "header:NAME"),
    ("cursor sent nowhere", changed(("/streams/0/pagination", {"type": "cursor", "next": "c"})), "sent nowhere", "/streams/0/pagination", '"param"'),
    ("size sent nowhere", changed(("/streams/0/pagination", {"type": "page", "size": 5})), "sent nowhere", "/streams/0/pagination/size", "size_param"),
    ("size_param without size", changed(("/streams/0/pagination", {"type": "page", "size_param": "n"})), "without a size", "/streams/0/pagination/size_param", ""),
    ("short without size", changed(("/streams/0/pagination", {"type": "page", "stop": "short"})), "without a size", "/streams/0/pagination/stop", ""),
    ("option of another auth", changed(("/auth", {"type": "bearer", "token": "t", "in": "query"})), 'nothing to auth "bearer"', "/auth/in", "token"),
    ("auth without its secret", changed(("/auth", {"type": "bearer"})), 'needs "token"', "/auth", "${env.TOKEN}"),
    ("prefix in a query", changed(("/auth", {"type": "api_key", "token": "t", "in": "query", "prefix": "p"})), "only in a header", "/auth/prefix", ""),
    ("line break in a token", changed(("/auth", {"type": "bearer", "token": "t\r\nX: 1"})), "cannot stand in a header", "/auth/token", ""),
    ("line break in a header", changed(("/streams/0/headers", {"X": "a\nb"})), "cannot stand in a header", "/streams/0/headers/X", ""),
    ("letter no header has", changed(("/streams/0/headers", {"X": "日本"})), "cannot stand in a header", "/streams/0/headers/X", ""),
    ("server filter without start", changed(("/streams/0/replication", {"key": "at", "filter": "server"})), "no ${sync.start}", "/streams/0/replication/filter", ""),
    ("state without parent", changed(("/streams/0/replication", {"key": "at", "state": "stream"})), "without a parent", "/streams/0/replication/state", ""),
    ("lookback", changed(("/streams/0/replication", {"key": "at", "lookback": "P1M"})), "not a duration", "/streams/0/replication/lookback", "months"),
    ("epoch start", changed(("/streams/0/replication", {"key": "at", "format": "epoch", "start": "soon"})), "not a date-time", "/streams/0/replication/start", ""),
    ("bookmark without parent key", changed(("/streams/0/primary_key", []), ("/streams/1/replication", {"key": "at"})), 'has no "primary_key"', "/streams/1/parent", ""),
    ("max_wait", changed(("/limits", {"max_wait": "P1Y"})), "not a duration", "/limits/max_wait", ""),
    ("schema of an array", changed(("/streams/0/schema", {"type": "array"})), '"type": "object"', "/streams/0/schema", ""),
    ("key the schema lacks", changed(("/streams/0/primary_key", ["idd"])), 'no field "idd"', "/streams/0/primary_key", '"id"'),
    ("replication key the schema lacks", changed(("/streams/0/replication", {"key": "att"})), 'no field "att"', "/streams/0/replication", '"at"'),
    ("rule that is no JMESPath", changed(("/streams/0/errors", [{"where": "a[", "do": "end"}])), "not a JMESPath", "/streams/0/errors/0/where", ""),
    ("parent condition", changed(("/streams/1/parent", {"stream": "shops", "where": "a ="})), "not a JMESPath", "/streams/1/parent/where", ""),
    ("unset variable", changed(("/vars", {"a": 1}), ("/streams/0/path", "/${vars.b}")), "is not defined", "/streams/0/path", "a"),
    ("list of keys", changed(("/auth", {"type": "api_key", "token": ["a", "b"]})), "cannot be a list", "/auth/token", '"bearer"'),
    ("empty token among several", changed(("/auth", {"type": "bearer", "token": ["a", ""]})), "cannot be a list", "/auth/token", "empty"),
    ("line break in one of several tokens", changed(("/auth", {"type": "bearer", "token": ["a", "b\n"]})), "cannot stand in a header", "/auth/token/1", ""),
    ("oauth2 without a grant", changed(("/auth", {"type": "oauth2", "token_url": "https://a.example/t"})), 'needs "grant"', "/auth", "grant"),
    ("option of another grant", changed(("/auth", {**CLIENT, "refresh_token": "r"})), 'nothing to grant "client_credentials"', "/auth/refresh_token", "client_id"),
    ("grant without its needs", changed(("/auth", {**CLIENT, "grant": "refresh_token"})), 'needs "refresh_token"', "/auth", "${env.REFRESH_TOKEN}"),
    ("token_url that is a path", changed(("/auth", {**CLIENT, "token_url": "/token"})), "not a whole URL", "/auth/token_url", "https://"),
    ("secret of nobody", changed(("/auth", {"type": "oauth2", "grant": "refresh_token", "token_url": "https://a.example/t", "refresh_token": "r", "client_secret": "s"})), "without a client", "/auth/client_secret", '"client_id"'),
    ("basic client without a secret", changed(("/auth", {"type": "oauth2", "grant": "refresh_token", "token_url": "https://a.example/t", "refresh_token": "r", "client_id": "c", "client_auth": "basic"})), "needs its secret", "/auth/client_auth", '"client_secret"'),
    ("assertion without an issuer", changed(("/auth", {"type": "oauth2", "grant": "jwt_bearer", "token_url": "https://a.example/t", "private_key": "k"})), "no issuer", "/auth", '"iss"'),
    ("list in a token request", changed(("/auth", {**CLIENT, "extra": {"a": [1]}})), "cannot hold this", "/auth/extra/a", "text"),
    ("token in a query without a name", changed(("/auth", {**CLIENT, "in": "query"})), "no name there", "/auth/in", '"name"'),
    ("login without a token", changed(("/auth", {"type": "login", "request": {"path": "/login"}})), 'needs "token_path"', "/auth", "token_path"),
    ("login with a line break", changed(("/auth", {**LOGIN, "request": {"path": "/login", "headers": {"X": "a\nb"}}})), "cannot stand in a header", "/auth/request/headers/X", ""),
    ("login form of a text", changed(("/auth", {**LOGIN, "request": {"path": "/login", "body": "a", "body_type": "form"}})), "object of texts", "/auth/request/body", '"json"'),
    ("login to half a URL", changed(("/auth", {**LOGIN, "request": {"path": "http:///x"}})), "not a URL", "/auth/request/path", "https://"),
    ("login with a typo", changed(("/auth", {**LOGIN, "request": {"paht": "/login"}})), 'the key "path" is missing', "/auth/request", '"paht" should be "path"'),
    ("token_path that is no JMESPath", changed(("/auth", {**LOGIN, "token_path": "a["})), "not a JMESPath", "/auth/token_path", ""),
    ("ttl", changed(("/auth", {**LOGIN, "ttl": "P1M"})), "not a duration", "/auth/ttl", "PT30M"),
    ("half a pair of AWS", changed(("/auth", {"type": "aws_sigv4", "service": "s", "region": "r", "access_key_id": "a"})), "belong together", "/auth", "chain"),
    ("rate", changed(("/limits", {"rate": "80/minute"})), "", "/limits/rate", ""),
    ("rate of nothing", changed(("/limits", {"rate": ["5/s", "0/d"]})), "", "/limits/rate/1", ""),
    ("reserve", changed(("/limits", {"reserve": 5})), "", "/limits/reserve", ""),
    ("wait of another verb", changed(("/streams/0/errors", [{"status": [404], "do": "skip", "wait": 5}])), 'nothing to "skip"', "/streams/0/errors/0/wait", '"retry"'),
    ("message of another verb", changed(("/streams/0/errors", [{"status": [404], "do": "end", "message": "x"}])), 'nothing to "end"', "/streams/0/errors/0/message", '"fail"'),
    ("wait that is no JMESPath", changed(("/streams/0/errors", [{"status": [404], "do": "retry", "wait": "a["}])), "not a JMESPath", "/streams/0/errors/0/wait", ""),
    ("status that is none", changed(("/streams/0/errors", [{"status": ["40x"], "do": "end"}])), "not a status", "/streams/0/errors/0/status", "5xx"),
    ("nothing to refresh", changed(("/streams/0/errors", [{"status": [498], "do": "refresh_auth"}])), "nothing to work on", "/streams/0/errors/0/do", "oauth2"),
    ("line break in a password", changed(("/auth", {"type": "basic", "username": "ada", "password": "a\n"})), "cannot stand in a header", "/auth/password", ""),
    ("template in a proxy", changed(("/proxy", "http://${sync.start}")), "cannot stand here", "/proxy", ""),
    ("proxy", changed(("/proxy", "socks5://proxy:1080")), "not an HTTP proxy", "/proxy", "http://proxy.example:3128"),
    ("bundle that is not there", changed(("/verify", "no-such.pem")), "cannot be used", "/verify", "PEM"),
    ("verify without TLS", changed(("/verify", False), ("/base_url", "http://api.example")), "without TLS", "/verify", ""),
    ("allowed URL", changed(("/allowed_hosts", ["https://files.example"])), "is not a host", "/allowed_hosts/0", "files.example.com"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "message", "where", "fix"), [row[1:] for row in MISTAKES], ids=[r[0] for r in MISTAKES]
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    tmp_path: Path, config: Any, message: str, where: str, fix: str
) -> None:
    path = write(tmp_path, config)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert message in caught.value.message
    assert caught.value.where == f"{path} {where}".strip()
    assert fix in caught.value.fix
    assert caught.value.exit_code == 2


def test_in_a_sectioned_file_the_pointer_starts_at_the_section(tmp_path: Path) -> None:
    path = write(tmp_path, {"tap": changed(("/streams/0/recrods", "x")), "target": {}})
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert caught.value.where == f"{path} /tap/streams/0/recrods"


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ('{"base_url": "x",\n "streams": [}', "not JSON", "line 2, column 14"),
        ("", "not JSON", "line 1, column 1"),
        ("[]", "not a JSON object", ""),
        ('{"a": 1, "a": 2}', '"a" stands twice', ""),
        ('{"a": NaN}', "NaN is not a JSON number", ""),
        ('{"target": {}}', "no section for the tap", ""),
        ('{"tap": 5}', "not an object", "/tap"),
    ],
    ids=["cut", "empty", "array", "repeated key", "NaN", "no section", "section"],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str, where: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write(tmp_path, text), {})
    assert where in caught.value.where


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load_config(str(tmp_path / "none.json"), {})


def test_an_unset_environment_variable_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, changed(("/auth", {"type": "bearer", "token": "${env.API_TOKEN}"})))
    with pytest.raises(ConfigError, match="API_TOKEN is not set") as caught:
        load_config(path, {})
    assert caught.value.where == f"{path} /auth/token"


def test_environment_and_vars_are_expanded_with_their_types(tmp_path: Path) -> None:
    config = changed(
        ("/vars", {"size": 25, "day": "2024-01-31"}),
        ("/auth", {"type": "bearer", "token": "${env.TOKEN}"}),
        ("/streams/0/pagination", {"type": "page", "size": "${vars.size}", "size_param": "n"}),
        ("/streams/0/params", {"from": "${vars.day|epoch}", "who": "me-${env.TOKEN}"}),
    )
    loaded = load_config(write(tmp_path, config), {"TOKEN": "s3${cret"})
    assert loaded.streams[0].pagination.size == 25
    assert loaded.streams[0].params["from"] == 1706659200
    assert loaded.streams[0].auth.tokens == ("s3${cret",)
    assert "s3${cret" in loaded.secrets


def test_a_schema_keeps_its_texts_whether_it_stands_in_the_configuration_or_beside_it(tmp_path: Path) -> None:
    """Who wrote it knew nothing of variables; one that is set was put into the catalog, one that is not was exit 2."""
    schema = SCHEMA | {"description": "${env.TOKEN} ${vars.x} ${y}"}
    (tmp_path / "shop.json").write_text(json.dumps(schema))
    for written in (schema, "shop.json"):
        path = write(tmp_path, {"tap": changed(("/streams/0/schema", written))})
        assert load_config(path, {"TOKEN": "s3cret"}).streams[0].schema == schema
    config = {**changed(), "defaults": {"schema": schema}}
    assert load_config(write(tmp_path, config), {}).streams[0].schema == schema


def test_streams_are_merged_over_defaults(tmp_path: Path) -> None:
    config = {
        "base_url": "http://x",
        "auth": {"type": "bearer", "token": "t"},
        "limits": {"retries": 1, "read_timeout": 5},
        "defaults": {
            "params": {"a": 1, "b": 1},
            "primary_key": ["id"],
            "pagination": {"type": "page", "size": 5, "size_param": "n"},
            "limits": {"retries": 2},
        },
        "streams": [
            {"name": "merged", "path": "/", "params": {"b": 2}, "pagination": {"size": 9}},
            {
                "name": "replaced",
                "path": "/",
                "primary_key": ["k"],
                "pagination": {"type": "link"},
                "auth": {"type": "none"},
            },
        ],
    }
    merged, replaced = load_config(write(tmp_path, config), {}).streams
    assert merged.params == {"a": 1, "b": 2}
    assert (merged.pagination.type, merged.pagination.size, merged.pagination.param) == ("page", 9, "page")
    assert (merged.limits.retries, merged.limits.read_timeout_seconds) == (2, 5)
    assert (replaced.primary_key, replaced.pagination.type, replaced.pagination.size) == (("k",), "link", None)
    assert replaced.auth.type == "none"


def test_defaults_are_as_documented(tmp_path: Path) -> None:
    stream = load_config(write(tmp_path, GOOD), {}).streams[0]
    assert (stream.method, stream.sample, stream.selected, stream.replication) == ("GET", 100, True, None)
    assert (stream.pagination.type, stream.pagination.stop) == ("auto", "empty")
    limits = stream.limits
    assert (limits.retries, limits.max_wait_seconds) == (6, 300)
    assert (limits.connect_timeout_seconds, limits.read_timeout_seconds, limits.total_timeout_seconds) == (10, 120, 600)


def test_replication_starts_at_start_date_in_the_keys_own_form(tmp_path: Path) -> None:
    config = changed(
        ("/start_date", "2024-01-01T00:00:00Z"), ("/streams/0/replication", {"key": "at", "format": "epoch"})
    )
    config["streams"].append({"name": "own", "path": "/", "replication": {"key": "n", "start": 7, "lookback": 3}})
    config["streams"].append({"name": "iso", "path": "/", "replication": {"key": "n", "lookback": "PT5M"}})
    streams = {stream.name: stream.replication for stream in load_config(write(tmp_path, config), {}).streams}
    assert streams["shops"].start == 1704067200
    assert (streams["own"].start, streams["own"].lookback) == (7, 3)
    assert (streams["iso"].start, streams["iso"].lookback) == ("2024-01-01T00:00:00Z", timedelta(minutes=5))


def test_the_server_filters_if_the_request_names_the_start(tmp_path: Path) -> None:
    rules = {"key": "at"}
    config = changed(
        ("/streams/0/replication", rules),
        ("/streams/1/replication", rules),
        ("/streams/1/params", {"s": "${sync.start}"}),
    )
    here, there = load_config(write(tmp_path, config), {}).streams
    assert (here.replication.filter, there.replication.filter) == ("client", "server")


def test_schema_files_are_relative_to_a_sectioned_file_and_to_the_folder_for_a_flat_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        place.mkdir()
        (place / "shop.json").write_text(json.dumps(SCHEMA | {"title": place.name}))
    monkeypatch.chdir(elsewhere)
    config = changed(("/streams/0/schema", "shop.json"))
    flat, sectioned = load_config(write(folder, config), {}), load_config(write(folder, {"tap": config}), {})
    assert flat.streams[0].schema["title"] == "elsewhere"
    assert sectioned.streams[0].schema["title"] == "project"


def test_a_schema_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no schema file"):
        load_config(write(tmp_path, {"tap": changed(("/streams/0/schema", "none.json"))}), {})


def test_passwords_and_files_may_hold_any_letter(tmp_path: Path) -> None:
    basic = changed(("/auth", {"type": "basic", "username": "ada", "password": "пароль"}))
    assert load_config(write(tmp_path, basic), {}).streams[0].auth.password == "пароль"
    grant = {**CLIENT, "grant": "refresh_token", "refresh_token": "r", "persist": "ключ/t.json"}
    auth = load_config(write(tmp_path, {"tap": changed(("/auth", grant))}), {}).streams[0].auth
    assert auth.persist == str(tmp_path / "ключ" / "t.json")


PLACES = [[], ["streams"], ["streams", 0], ["streams", 1], ["auth"], ["defaults"], ["limits"], ["vars"]]
KEYS = sorted(
    {name for part in load_schema()["definitions"].values() for name in part["properties"]}
    | set(load_schema()["properties"])
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
texts = st.sampled_from(
    ["", "${env.X}", "${parent.id}", "${", "$${x}", "P1D", "page", "cursor", "\x00", "a.b[", "http://[", "../x"]
)
junk = st.recursive(
    scalars | texts,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "200")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(st.sampled_from(PLACES), st.sampled_from(KEYS), junk)
def test_no_configuration_crashes_the_tap(tmp_path: Path, place: list[Any], key: str, value: Any) -> None:
    """A fuzzed configuration is accepted or refused with words, never with a traceback."""
    config = copy.deepcopy(GOOD)
    inner: Any = config
    for part in place:
        inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
    if isinstance(inner, list):
        inner.append({key: value})
    else:
        inner[key] = value
    with suppress(ConfigError):
        load_config(write(tmp_path, config), {"X": "x"})


@pytest.mark.parametrize(
    "field", [None, True, {"properties": []}, {"anyOf": [1]}, {"items": {"required": "id"}}, {"oneOf": {}}]
)
def test_a_schema_that_is_none_is_refused_with_its_place(tmp_path: Path, field: Any) -> None:
    """A field that was null in a configured schema was a traceback."""
    config = copy.deepcopy(GOOD)
    config["streams"][0]["schema"] = {"type": "object", "properties": {"id": {}, "shop": field}}
    with pytest.raises(ConfigError, match="not what a JSON Schema has here") as caught:
        load_config(write(tmp_path, config), {})
    assert "/streams/0/schema/properties/shop" in caught.value.where
