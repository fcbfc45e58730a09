"""The program itself, as a process: its exit codes, signals, pipes and messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TAP = [sys.executable, "-m", "tap_rest_api.cli"]
DEADLINE_SECONDS = 60
"""For what must happen, on a machine with other work too; a test is as fast as what it watches."""

STREAM = {
    "name": "items",
    "path": "/items",
    "records": "data",
    "pagination": {"type": "page"},
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
}


def tap(*arguments: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [*TAP, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
        **options,
    )


def start(*arguments: str, folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*TAP, *arguments], cwd=folder, env=env, stderr=subprocess.PIPE, **options)


def configure(folder: Path, url: str, **options: Any) -> None:
    (folder / "config.json").write_text(json.dumps({"base_url": url, "streams": [STREAM | options]}))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Three pages of one record, then an empty one."""
    with FakeApi(
        lambda seen: Reply({"data": [{"id": int(seen.query["page"])}] if seen.query["page"] < "4" else []})
    ) as fake:
        yield fake


def test_a_run_writes_messages_to_stdout_and_its_log_to_stderr(api: FakeApi, tmp_path: Path) -> None:
    configure(tmp_path, api.url)
    done = tap("-c", "config.json", folder=tmp_path)
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert types == ["STATE", "SCHEMA", "RECORD", "RECORD", "RECORD", "ACTIVATE_VERSION", "STATE", "STATE"]
    assert "INFO items: 4 pages, 3 records" in done.stderr


def test_the_last_state_is_accepted_back(api: FakeApi, tmp_path: Path) -> None:
    configure(tmp_path, api.url)
    first = tap("--config", "config.json", folder=tmp_path)
    (tmp_path / "state.json").write_text(json.dumps(json.loads(first.stdout.splitlines()[-1])["value"]))
    assert tap("--config", "config.json", "--state", "state.json", folder=tmp_path).returncode == 0


def test_discovery_prints_a_catalog_that_the_run_takes(api: FakeApi, tmp_path: Path) -> None:
    configure(tmp_path, api.url)
    found = tap("-c", "config.json", "-d", folder=tmp_path)
    (tmp_path / "catalog.json").write_text(found.stdout)
    again = tap("-c", "config.json", "--discover", "--catalog", "catalog.json", folder=tmp_path)
    assert again.stdout == found.stdout
    assert tap("-c", "config.json", "--catalog", "catalog.json", folder=tmp_path).stdout.count('"RECORD"') == 3


def test_a_test_fetches_one_page_of_each_stream(api: FakeApi, tmp_path: Path) -> None:
    configure(tmp_path, api.url)
    done = tap("-c", "config.json", "--test", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["stream", "records", "seconds", "first", "record", "result"]
    name, records, _, verdict, result = done.stdout.splitlines()[1].split()
    assert (name, int(records) > 0, verdict, result) == ("items", True, "valid", "ok")
    assert [line for line in api.lines if "page=1" not in line] in ([], ["GET /items?page=2"])


def test_a_test_goes_through_all_streams_and_ends_with_the_first_failures_code(tmp_path: Path) -> None:
    def route(seen: Any) -> Reply:
        return Reply({"data": [{"id": 1}]}) if seen.path == "/good" else Reply({"why": "no"}, 403)

    with FakeApi(route) as api:
        streams = [STREAM | {"name": "bad", "path": "/bad"}, STREAM | {"name": "good", "path": "/good"}]
        (tmp_path / "config.json").write_text(json.dumps({"base_url": api.url, "streams": streams}))
        done = tap("-c", "config.json", "--test", "--format", "json", folder=tmp_path)
    rows = json.loads(done.stdout)
    assert done.returncode == 3
    assert [(row["stream"], row["records"]) for row in rows] == [("bad", 0), ("good", 1)]
    assert "403 Forbidden" in rows[0]["error"]
    assert rows[1]["error"] is None


def test_a_test_holds_the_first_record_against_the_schema_and_shows_no_value(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "o": {"properties": {"n": {"minimum": 5}}}}}
    bodies = {
        "/good": b'[{"id": 1, "o": {"n": 7}}, {"id": 2, "o": {"new": 1}}]',
        "/bad": b'[{"id": "s3cret", "o": {"n": 1}}]',
        "/odd": b'[{"id": "\\ud800"}]',
        "/none": b"[]",
    }
    with FakeApi(lambda seen: Reply(bodies[seen.path])) as api:
        streams = [{"name": path.strip("/"), "path": path, "schema": schema} for path in bodies]
        streams.append({"name": "open", "path": "/bad"})
        (tmp_path / "config.json").write_text(json.dumps({"base_url": api.url, "streams": streams}))
        done = tap("-c", "config.json", "--test", "--format", "json", folder=tmp_path)
        table = tap("-c", "config.json", "--test", folder=tmp_path).stdout
    assert done.returncode == 0
    rows = {row["stream"]: (row["first_record"], row["problems"], row["undeclared"]) for row in json.loads(done.stdout)}
    assert rows == {
        "good": ("valid", [], ["o.new"]),
        "bad": ("invalid", ["/id: type", "/o/n: minimum"], []),
        "odd": ("invalid", ["it holds what is not JSON"], []),
        "none": (None, [], []),
        "open": ("valid", [], []),
    }
    assert "s3cret" not in done.stdout + done.stderr + table
    assert "/id: type; /o/n: minimum" in table
    assert "not in the schema: o.new" in table


def test_about_tells_what_the_tap_can_do_without_a_configuration(tmp_path: Path) -> None:
    facts = json.loads(tap("--about", "--format", "json", folder=tmp_path).stdout)
    assert {"catalog", "discover", "state"} <= set(facts["capabilities"])
    assert "base_url" in facts["settings"]["properties"]
    text = tap("--about", folder=tmp_path).stdout
    assert [line for line in text.splitlines() if line.startswith("  ") and len(line.split()) == 1] == []
    options = {name for part in facts["settings"]["definitions"].values() for name in part.get("properties", {})}
    assert {*facts["settings"]["properties"], *options} <= set(text.split())


def test_help_and_version_need_no_configuration(tmp_path: Path) -> None:
    assert "  Example:\n    tap-rest-api --config" in tap("--help", folder=tmp_path).stdout
    assert tap("--version", folder=tmp_path).stdout.startswith("tap-rest-api, version ")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, tap_rest_api.cli as cli; cli.command(['--help'], standalone_mode=False);"
        "print([name for name in ('requests', 'singer', 'jsonschema', 'msgspec') if name in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        ([], 2, "--config is missing"),
        (["--confg", "x"], 2, "--config"),
        (["-c", "none.json"], 2, "Error: there is no configuration file none.json"),
        (["-c", "config.json", "-s", "none.json"], 2, "Error: the state file cannot be read"),
        (["-c", "config.json", "--catalog", "none.json"], 2, "Error: there is no catalog file"),
        (["-c", "typo.json"], 2, 'did you mean "streams"?'),
        (["-c", "away.json"], 4, "Error: no connection to http://127.0.0.1:1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_has_its_exit_code_and_never_a_traceback(
    api: FakeApi, tmp_path: Path, arguments: list[str], exit_code: int, words: str
) -> None:
    configure(tmp_path, api.url)
    away = {"base_url": "http://127.0.0.1:1", "limits": {"retries": 0}, "streams": [STREAM]}
    (tmp_path / "typo.json").write_text(json.dumps({"base_url": api.url, "streams": [STREAM], "stream": []}))
    (tmp_path / "away.json").write_text(json.dumps(away))
    done = tap(*arguments, folder=tmp_path)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_is_exit_code_1_with_a_traceback(tmp_path: Path) -> None:
    code = "from tap_rest_api import cli, run; run.run = None; cli.main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, "-c", "config.json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "please report it" in done.stderr
    assert "Traceback" in done.stderr


def test_errors_are_json_lines_if_the_log_is(tmp_path: Path) -> None:
    done = tap("-c", "none.json", "--log-format", "json", folder=tmp_path)
    line = json.loads(done.stderr.splitlines()[-1])
    assert (line["level"], done.returncode) == ("CRITICAL", 2)
    assert "no configuration file" in line["message"]


@pytest.mark.parametrize(("signum", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_at_once_even_while_the_server_is_silent(
    tmp_path: Path, signum: signal.Signals, exit_code: int
) -> None:
    reached, release = threading.Event(), threading.Event()

    def route(_: Any) -> Reply:
        reached.set()
        release.wait(30)
        return Reply({"data": []})

    with FakeApi(route) as api:
        configure(tmp_path, api.url)
        process = start("-c", "config.json", folder=tmp_path, stdout=subprocess.DEVNULL)
        assert reached.wait(DEADLINE_SECONDS)
        process.send_signal(signum)
        _, shown = process.communicate(timeout=DEADLINE_SECONDS)
        release.set()
    assert process.returncode == exit_code
    assert b"Traceback" not in shown


def test_a_signal_cuts_no_line_while_the_reader_is_slow(tmp_path: Path) -> None:
    """The chunk being written is finished first: the reader sees whole lines only."""
    records = [{"id": number, "pad": "x" * 1000} for number in range(1000)]
    with FakeApi(lambda seen: Reply({"data": [*records, {"page": seen.query["page"]}]})) as api:
        configure(tmp_path, api.url)
        process = start("-c", "config.json", folder=tmp_path, stdout=subprocess.PIPE)
        first = os.read(process.stdout.fileno(), 500)  # the pipe fills up behind this
        process.send_signal(signal.SIGTERM)
        output, shown = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 143
    assert (first + output).endswith(b"}\n")
    assert b"Traceback" not in shown


def test_a_signal_ends_the_run_though_the_reader_has_stalled(tmp_path: Path) -> None:
    records = [{"id": number, "pad": "x" * 1000} for number in range(1000)]
    with FakeApi(lambda seen: Reply({"data": [*records, {"page": seen.query["page"]}]})) as api:
        configure(tmp_path, api.url)
        process = start("-c", "config.json", folder=tmp_path, stdout=subprocess.PIPE)
        os.read(process.stdout.fileno(), 500)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=DEADLINE_SECONDS) == 143
        process.communicate()


def test_a_reader_that_leaves_ends_the_run_quietly(tmp_path: Path) -> None:
    records = [{"id": number, "pad": "x" * 1000} for number in range(1000)]
    with FakeApi(lambda seen: Reply({"data": [*records, {"page": seen.query["page"]}]})) as api:
        configure(tmp_path, api.url)
        process = start("-c", "config.json", folder=tmp_path, stdout=subprocess.PIPE)
        os.read(process.stdout.fileno(), 500)
        process.stdout.close()
        shown = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=DEADLINE_SECONDS) == 141
    assert b"Traceback" not in shown


@pytest.mark.parametrize("written", ["", "{} {}", '{"a": 1, "a": 2}', "\x00"], ids=["empty", "two", "key twice", "NUL"])
def test_a_configuration_that_cannot_be_read_says_how_to_mend_it(tmp_path: Path, written: str) -> None:
    (tmp_path / "config.json").write_text(written)
    done = tap("--config", "config.json", folder=tmp_path)
    assert done.returncode == 2
    assert "  fix:   " in done.stderr
    done = tap("--config", ".", folder=tmp_path)
    assert done.returncode == 2
    assert "  fix:   " in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("mode", [[], ["--discover"], ["--about"]], ids=["sync", "discover", "about"])
def test_a_full_disk_behind_stdout_is_told_without_a_traceback(api: FakeApi, tmp_path: Path, mode: list[str]) -> None:
    configure(tmp_path, api.url)
    with Path("/dev/full").open("wb") as full:
        process = start("--config", "config.json", *mode, folder=tmp_path, stdout=full)
        _, shown = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 6
    assert b"No space left on device" in shown
    assert b"Traceback" not in shown
    assert b"fix:" in shown
