"""docs/tap.md: every option stands there, and every example there is accepted."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tap_rest_api.auth_rules import AUTH_OPTIONS, GRANT_OPTIONS
from tap_rest_api.check import load_schema
from tap_rest_api.config import load_config
from tap_rest_api.state import parse_state
from tap_rest_api.stream_rules import PAGINATION_OPTIONS
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap
from tests.tap.test_connection import pem, private_tls, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap.fake_api import Seen

TEXT = (Path(__file__).parents[2] / "docs" / "tap.md").read_text("utf-8")
ROW = re.compile(r'^\| `(?P<option>[^`]+)` \| `{1,2}(?P<example>"[^|]*(?:\\\|[^|]*)*?)`{1,2} \|')
ENVIRONMENT = dict.fromkeys("API_TOKEN TOKEN TOKEN_2 PASSWORD ID SECRET REFRESH PRIVATE_KEY".split(), "secret")
ENVIRONMENT["MASK_KEY"] = "sixteen or more."


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield section, option and example of every row that has an example."""
    section = ""
    for line in TEXT.splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        elif match := ROW.match(line):
            yield section, match["option"], match["example"].replace("\\|", "|").strip("` ")


EXAMPLES = list(rows())
IDS = [f"{row[0]}-{row[1]}" for row in EXAMPLES]
LATE = "2024-01-31T10:00:00Z"
# Examples that need more than an API on loopback: a private authority, a proxy. They have tests of their own.
ELSEWHERE = {("Top level", option) for option in ("base_url", "proxy", "verify")}
KEY = ec.generate_private_key(ec.SECP256R1())
ENVIRONMENT["PRIVATE_KEY"] = pem(KEY).decode()


def to_config(section: str, option: str, example: str) -> dict[str, Any]:
    """Put an example where it belongs in a configuration that is otherwise as plain as can be."""
    fragment = json.loads(f"{{{example}}}")
    shop = {"name": "shops", "path": "/shops", "primary_key": ["id"], "replication": {"key": "at"}}
    stream: dict[str, Any] = {"name": "items", "path": "/items"}
    config: dict[str, Any] = {
        "base_url": "https://api.example",
        "vars": {"shop": 1, "region": "eu"},
        "streams": [shop, stream],
    }
    (config if section in TOP_LEVEL else stream).update(fragment)
    if option == "mask_key":
        stream["mask"] = {"email": "hash"}
    elif "hash" in stream.get("mask", {}).values():
        config["mask_key"] = "sixteen or more."
    return config


@pytest.mark.parametrize(("section", "option", "example"), EXAMPLES, ids=IDS)
def test_an_example_is_accepted(tmp_path: Path, section: str, option: str, example: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_config(section, option, example)))
    load_config(str(path), ENVIRONMENT)
    assert f'"{option}"' in example


@pytest.mark.parametrize(("section", "option", "example"), [row for row in EXAMPLES if row[:2] not in ELSEWHERE])
def test_an_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, option: str, example: str
) -> None:
    """Against an API that answers as the example expects it to."""
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "an example")
    with FakeApi(lambda seen: answer(seen, config)) as api:
        config = to_config(section, option, example.replace("https://auth.example.com", api.url))
        outcome = run_tap(tmp_path, {**config, "base_url": api.url}, environment=ENVIRONMENT)
    assert outcome.error is None, outcome.error.show()
    assert api.seen
    assert outcome.records() or "sync.start" in example


def answer(seen: Seen, config: dict[str, Any]) -> Reply:
    """Give a token, or one page with one record, where and how the stream looks for it."""
    if b"assertion=" in seen.body and not is_asserted(seen, config["streams"][1]["auth"]):
        return Reply({"error": "invalid_grant"}, 400)
    if seen.path in ("/token", "/login"):
        return Reply({"access_token": "t", "token": "t"}, headers={"X-Session": "t"})
    stream = next(item for item in config["streams"] if item["path"].split("$")[0].rstrip("/") in seen.path)
    options = {**config.get("defaults", {}), **stream}
    is_first = "1" in seen.query.get("page", "1") and int(seen.query.get("skip", 0)) == 0
    record: dict[str, Any] = {
        "id": 2000 if is_first else 2001,
        "updated_at": LATE,
        "modified": 1706695200000,
        "date": LATE[:10],
    }
    record |= {"items": [{"cost": 1.50}], "status": "sold", "email": "a@b.c", "review_count": 3, "name": "n"}
    page: Any = [record] if is_first else []
    for key in reversed(options.get("records", "data").split(".")):
        page = {key: page}
    page["meta"] = {"next": None, "has_more": False, "total": 1, **page.get("meta", {})}
    form = options.get("format", "json")
    bodies = {"csv": b"id,updated_at\r\n1,2024\r\n", "json": page}
    return Reply(bodies[form], headers={"Content-Type": {"csv": "text/csv"}.get(form, "application/json")})


def is_asserted(seen: Seen, auth: dict[str, Any]) -> bool:
    """Check an assertion as a token endpoint does (RFC 7523, 3), and that it says what the example wants it to."""
    assertion = dict(parse_qsl(seen.body.decode()))["assertion"]
    claims = jwt.decode(
        assertion, KEY.public_key(), algorithms=["ES256"], audience=auth["token_url"], issuer=auth["client_id"]
    )
    is_named = jwt.get_unverified_header(assertion).get("kid") == auth.get("kid")
    return is_named and auth.get("claims", {}).items() <= claims.items()


def example_of(option: str) -> dict[str, Any]:
    return next(json.loads(f"{{{row[2]}}}") for row in EXAMPLES if row[:2] == ("Top level", option))


def shops_of(**options: Any) -> dict[str, Any]:
    return {"streams": [{"name": "shops", "path": "/shops", "pagination": {"type": "none"}}], **options}


def test_the_example_of_base_url_runs_and_tls_is_with_that_host(tmp_path: Path) -> None:
    """By a proxy that knows where the host is, which has a certificate of a private authority."""
    config = example_of("base_url")
    host = config["base_url"].split("/")[2]
    with private_tls(tmp_path) as (api, url, bundle), proxy(known={f"{host}:443": url.removeprefix("https://")}) as via:
        api.route = lambda _: Reply([{"id": 1}])
        outcome = run_tap(tmp_path, shops_of(**config, verify=bundle, proxy=f"http://{via[0]}"))
    assert outcome.error is None, outcome.error.show()
    assert [line for line, _ in via[1]] == [f"CONNECT {host}:443"]
    assert api.lines == ["GET /v1/shops"] * len(api.lines)
    assert api.seen[0].headers["host"] == host


def test_the_example_of_proxy_runs_and_every_request_goes_there(tmp_path: Path) -> None:
    with FakeApi(lambda _: Reply([{"id": 1}])) as api, proxy() as (address, asked):
        config = {name: text.replace("proxy.example.com:3128", address) for name, text in example_of("proxy").items()}
        outcome = run_tap(tmp_path, shops_of(**config, base_url=api.url))
    assert outcome.error is None, outcome.error.show()
    assert len(asked) == len(api.seen) > 0


@pytest.mark.parametrize("options", [example_of("verify"), {}], ids=["the example", "without it"])
def test_the_example_of_verify_runs_and_without_it_nothing_is_sent(
    tmp_path: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with private_tls(tmp_path) as (api, url, _), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api.route = lambda _: Reply([{"id": 1}])
        outcome = run_tap(tmp_path, shops_of(**options, base_url=url))
    assert outcome.exit_code == (0 if options else 4)
    assert bool(api.seen) is bool(options)
    assert ("is not verified" in capsys.readouterr().err) is bool(options)


TOP_LEVEL = ("Top level", "limits")
SECTIONS = {
    "Top level": lambda schema: schema["properties"],
    "A stream": lambda schema: schema["definitions"]["stream"]["properties"],
    "auth": lambda schema: schema["definitions"]["auth"]["properties"],
    "a login's request": lambda schema: schema["definitions"]["login_request"]["properties"],
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


def test_no_object_of_options_is_forgotten() -> None:
    """A new definition needs a section here, and an option that is an object a definition."""
    schema = load_schema()
    covered = [id(properties(schema)) for properties in SECTIONS.values()]
    for name, definition in schema["definitions"].items():
        if "properties" in definition:
            assert id(definition["properties"]) in covered, f'"{name}" has no section in SECTIONS and in docs/tap.md'
        for option, what in definition.get("properties", {}).items():
            assert "properties" not in what, f'"{name}.{option}" should be a definition of its own'


@pytest.mark.parametrize("section", SECTIONS)
def test_every_option_is_used_by_a_test(section: str) -> None:
    """What no test but this file's names is an option that nobody has seen change anything."""
    folder = Path(__file__).parent
    files = [*folder.glob("test_*.py"), *folder.glob("cases/*.json"), *folder.glob("*/*.py")]
    tests = "".join(file.read_text("utf-8") for file in files if file.name != "test_docs.py")
    options = SECTIONS[section](load_schema())
    unused = [option for option in options if not re.search(rf"(?<![\w$]){re.escape(option)}\b", tests)]
    assert unused == []


def test_the_worked_example_in_graphql_runs(tmp_path: Path) -> None:
    stream = json.loads(TEXT.split("```json")[1].split("```")[0])
    stream["schema"] = {"type": "object", "properties": {"id": {"type": "integer"}, "total": {"type": "number"}}}
    pages = {
        None: {"nodes": [{"id": 1, "total": 1.50}], "pageInfo": {"endCursor": "c1", "hasNextPage": True}},
        "c1": {"nodes": [{"id": 2, "total": 2}], "pageInfo": {"endCursor": "c2", "hasNextPage": False}},
    }
    throttled = [{"errors": [{"extensions": {"code": "THROTTLED"}}]}]

    def route(seen: Seen) -> Reply:
        return Reply(throttled.pop() if throttled else {"data": {"orders": pages[variables(seen).get("after")]}})

    def variables(seen: Seen) -> Any:
        return json.loads(seen.body)["variables"]

    with FakeApi(route) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [stream]})
        refused = FakeApi(lambda _: Reply({"errors": [{"message": "no such field"}]}))
        with refused:
            second = run_tap(tmp_path, {"base_url": refused.url, "streams": [stream]})
    assert [row["id"] for row in outcome.records()] == [1, 2]
    assert len(api.seen) == 3
    assert (second.exit_code, second.records()) == (4, [])


def test_every_type_knows_which_options_it_takes() -> None:
    definitions = load_schema()["definitions"]
    assert set(PAGINATION_OPTIONS) == set(definitions["pagination"]["properties"]["type"]["enum"])
    assert set(AUTH_OPTIONS) == set(definitions["auth"]["properties"]["type"]["enum"])
    assert set(GRANT_OPTIONS) == set(definitions["auth"]["properties"]["grant"]["enum"])
    assert set().union(*GRANT_OPTIONS.values()) == AUTH_OPTIONS["oauth2"]
    assert {"type"}.union(*AUTH_OPTIONS.values()) == set(definitions["auth"]["properties"])


def test_the_state_shown_is_one() -> None:
    text = TEXT.split("```json")[2].split("```")[0]
    state = parse_state(text, "", ("reviews", "products", "shops"))
    assert state.to_value() == json.loads(text)
