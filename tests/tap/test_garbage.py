# ruff: noqa: E501 - each list of oddities stays on its line
"""Reliability row 17: garbage never crashes the tap. It ends in words and an exit code, never a traceback or a hang.

`HYPOTHESIS_EXAMPLES=2000` draws more of it than the suite needs every time.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_rest_api.errors import TapError
from tap_rest_api.log import log_error
from tap_rest_api.run import Options, run
from tap_rest_api.stdout import Stdout
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "25"))
MEMORY_MIB = 400  # Python and its libraries take 60; a page of 30 MB of JSON may be held more than once
ROWS = [{"id": n, "at": f"2024-01-{n + 1:02}", "deep": {"a": [1, None, "x"]}} for n in range(4)]
PAGE = {"data": ROWS, "next": "/items?page=2", "total": 8, "more": True}
STREAM = {
    "name": "items",
    "path": "/items",
    "records": "data",
    "primary_key": ["id"],
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "at": {"type": "string"}}},
    "params": {"since": "${sync.start}", "day": "${sync.start|%Y-%m-%d}"},
    "replication": {"key": "at"},
}
STATE = {
    "bookmarks": {"items": {"replication_key": "at", "replication_key_value": "2024-01-02", "seen": [[1], [2]]}},
    "currently_syncing": "items",
}

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
junk = st.recursive(
    scalars | st.sampled_from(["", "2024-02-30", "9999-12-31T23:59:59+00:01", 10**400, -(2**63) - 1, 1e308, "\ud800", "${a.b}", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def api() -> Iterator[FakeApi]:
    with FakeApi(lambda _: Reply(PAGE)) as fake:
        yield fake


def damaged(document: Any, data: st.DataObject) -> Any:
    """Put junk at a random place of a document."""
    document = copy.deepcopy(document)
    below, key = document, data.draw(st.sampled_from(_keys(document)))
    while isinstance(below[key], (dict, list)) and below[key] and data.draw(st.integers(0, 3)):
        below = below[key]
        key = data.draw(st.sampled_from(_keys(below)))
    below[key] = data.draw(junk)
    return document


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict) else list(range(len(value)))


def run_to_an_end(folder: Path, url: str, *, stream: dict[str, Any] | None = None, **files: Any) -> None:
    """Any exception but a TapError gets out of here."""
    limits = {"retries": 0, "max_wait": "PT0S", "read_timeout": 20}
    outcome = run_tap(folder, {"base_url": url, "limits": limits, "streams": [stream or STREAM]}, **files)
    for line in outcome.lines:
        json.loads(line)
    if outcome.error:
        assert outcome.error.exit_code in (2, 3, 4)
        assert len(outcome.error.show()) < 5_000
        log_error(outcome.error)


PAGINATIONS: list[dict[str, Any]] = [
    {"type": "auto"},
    {"type": "cursor", "next": "next", "param": "p", "more": "more", "total": "total"},
    {"type": "cursor", "next": "last:deep.a", "param": "p"},
    {"type": "link", "next": "next"},
    {"type": "offset", "total": "total"},
    {"type": "page", "more": "more"},
]


@fuzzed
@given(data=st.data(), pagination=st.sampled_from(PAGINATIONS), records=st.sampled_from(["data", "[data][]", None]))
def test_a_damaged_page_is_refused_or_read(
    api: FakeApi, tmp_path: Path, data: st.DataObject, pagination: dict[str, Any], records: str | None
) -> None:
    content = json.dumps(damaged(PAGE, data)).encode()
    answers = iter([Reply(content)])
    api.route = lambda _: next(answers, Reply({"data": [], "total": 8, "more": False}))
    stream = {key: value for key, value in STREAM.items() if key != "records" or records}
    stream |= {"pagination": pagination} | ({"records": records} if records else {})
    run_to_an_end(tmp_path, api.url, stream=stream)


@fuzzed
@given(cut=st.integers(0, 300), noise=st.binary(max_size=30), rest=st.booleans())
def test_noise_in_a_body_is_refused_or_read(api: FakeApi, tmp_path: Path, cut: int, noise: bytes, rest: bool) -> None:
    whole = json.dumps(PAGE).encode()
    answers = iter([Reply(whole[:cut] + noise + (whole[cut:] if rest else b""))])
    api.route = lambda _: next(answers, Reply({"data": []}))
    run_to_an_end(tmp_path, api.url)


HEADERS = [
    "Link",
    "Date",
    "Location",
    "Retry-After",
    "Content-Type",
    "Content-Encoding",
    "Set-Cookie",
    "WWW-Authenticate",
]
HEADERS += ["X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy", "ETag"]
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40) | st.sampled_from(
    ["<;>; rel=next", "<>; rel=next", '<//[; rel="next"', "<http://[::1>; rel=next", "9" * 50, "-1", "1e9", "NaN", "Infinity", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 31 Jan 2024 12:00:00 +9999", "gzip, gzip", "text/csv; charset=utf-7", "application/json; charset=nonsense", "http://", "//"]
)  # fmt: skip


@fuzzed
@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=3),
    status=st.sampled_from([200, 200, 200, 206, 301, 302, 307, 400, 401, 403, 429, 500, 503]),
)
def test_odd_headers_are_heeded_or_not(api: FakeApi, tmp_path: Path, headers: dict[str, str], status: int) -> None:
    answers = iter([Reply(PAGE, status, headers)])
    api.route = lambda _: next(answers, Reply({"data": []}))
    run_to_an_end(tmp_path, api.url)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"Link": "<//[>; rel=next"}),
        (200, {"Link": "<http://a]b/>; rel=next"}),
        (302, {"Location": "//["}),
        (301, {"Location": "http://a]b/"}),
    ],
)
def test_an_address_that_is_none_is_refused_in_words(
    api: FakeApi, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    api.route = lambda _: Reply(PAGE, status, headers)
    outcome = run_tap(tmp_path, {"base_url": api.url, "limits": {"retries": 0}, "streams": [STREAM]})
    assert "not a URL: Invalid IPv6 URL" in outcome.error.show()
    assert outcome.error.exit_code == 4


@fuzzed
@given(data=st.data())
def test_a_damaged_state_is_refused_or_used(api: FakeApi, tmp_path: Path, data: st.DataObject) -> None:
    api.route = lambda _: Reply({"data": ROWS})
    run_to_an_end(tmp_path, api.url, state=json.dumps(damaged(STATE, data)))


@fuzzed
@given(data=st.data())
def test_a_damaged_catalog_is_refused_or_used(api: FakeApi, tmp_path: Path, data: st.DataObject) -> None:
    api.route = lambda _: Reply({"data": ROWS})
    if not hasattr(test_a_damaged_catalog_is_refused_or_used, "catalog"):
        config = {"base_url": api.url, "streams": [STREAM]}
        test_a_damaged_catalog_is_refused_or_used.catalog = json.loads(
            run_tap(tmp_path, config, mode="discover").output
        )
    catalog = damaged(test_a_damaged_catalog_is_refused_or_used.catalog, data)
    run_to_an_end(tmp_path, api.url, catalog=json.dumps(catalog))


@fuzzed
@given(data=st.data())
def test_a_damaged_configuration_is_refused_or_used(api: FakeApi, tmp_path: Path, data: st.DataObject) -> None:
    api.route = lambda _: Reply({"data": ROWS})
    stream = damaged(STREAM | {"pagination": {"type": "none"}, "errors": [{"status": [404], "do": "end"}]}, data)
    run_to_an_end(tmp_path, api.url, stream=stream)


@fuzzed
@given(
    text=st.binary(max_size=60).filter(lambda text: text.strip() != b"{}"),
    name=st.sampled_from(["config", "state", "catalog"]),
)
@example(text=b"", name="state")
def test_a_file_of_noise_is_refused(api: FakeApi, tmp_path: Path, text: bytes, name: str) -> None:
    api.route = lambda _: Reply({"data": ROWS})
    files = {"config": json.dumps({"base_url": api.url, "streams": [STREAM]}).encode(), name: text}
    for file, content in files.items():
        (tmp_path / f"{file}.json").write_bytes(content)
    paths = {file: str(tmp_path / f"{file}.json") for file in files}
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(TapError) as caught:
            run("sync", Options(**paths), Stdout(descriptor), {})
    finally:
        os.close(descriptor)
    assert caught.value.exit_code == 2


def bomb(kind: str) -> bytes:
    row = b'{"id": 1, "at": "2024-01-01", "x": '
    deep = b"[" * 100_000 + b"]" * 100_000
    keys = b"{" + b", ".join(b'"key %d": %d' % (n, n) for n in range(1_000_000)) + b"}"
    digits = b"9" * 1_000_000
    return {
        "deep record": b'{"data": [' + row + deep + b"}]}",
        "deep record that was cut": b'{"data": [' + row + b'{"a":' * 100_000,
        "deep envelope": b'{"data": [], "x": ' + deep + b"}",
        "deep next": b'{"data": [], "next": ' + deep + b"}",
        "deep beside a NaN": b'{"data": [' + row + deep + b'}, {"id": NaN}]}',
        "a million keys in a record": b'{"data": [' + row + keys + b"}]}",
        "a million keys beside the records": b'{"data": [], ' + keys[1:],
        "a million digits": b'{"data": [' + row + digits + b"}]}",
        "a million digits beside a NaN": b'{"data": [' + row + digits + b', "y": NaN}]}',
        "a million digits as a key": b'{"data": [{"id": ' + digits + b', "at": "2024-01-01"}]}',
        "a million digits as a bookmark": b'{"data": [{"id": 1, "at": ' + digits + b"}]}",
        "a million digits as a total": b'{"data": [{"id": 1, "at": "2024-01-01"}], "total": ' + digits + b"}",
        "an exponent": b'{"data": [{"id": 1, "at": 1e999999999}], "total": 1e999999999, "next": 1e999999999}',
        "a million records": b'{"data": [' + b", ".join([b"{}"] * 1_000_000) + b"]}",
        "a long text": b'{"data": [{"id": 1, "at": "' + b"9" * 10_000_000 + b'"}]}',
    }[kind]  # fmt: skip


BOMBS = [
    "deep record",
    "deep record that was cut",
    "deep envelope",
    "deep next",
    "deep beside a NaN",
    "a million keys in a record",
    "a million keys beside the records",
    "a million digits",
    "a million digits beside a NaN",
    "a million digits as a key",
    "a million digits as a bookmark",
    "a million digits as a total",
    "an exponent",
    "a million records",
    "a long text",
]


PROGRAM = """
import sys
from tap_rest_api.cli import main

try:
    main()
finally:
    print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_or_read_in_bounded_memory(api: FakeApi, tmp_path: Path, kind: str) -> None:
    content = bomb(kind)
    api.route = lambda _: Reply(content)
    stream = STREAM | {"pagination": {"type": "cursor", "next": "next", "param": "p", "max_pages": 1}}
    if "total" in kind:
        stream["pagination"] |= {"total": "total"}
    config = {"base_url": api.url, "limits": {"retries": 0}, "streams": [stream]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-c", PROGRAM, "-c", "config.json"]
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(command, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert done.returncode in (0, 2, 4)
    assert int(done.stderr.splitlines()[-1]) < MEMORY_MIB * 1024
