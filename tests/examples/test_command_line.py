"""`python -m examples.marketplace`: how it starts, what it says, how it stops."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def command(*options):
    return [sys.executable, "-m", "examples.marketplace", *map(str, options)]


@contextmanager
def running(*options, **env):
    """Start the server on a free port; yield it and its first line."""
    process = subprocess.Popen(
        command("--port", 0, *options),
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def get(first_line, path, key="demo-key"):
    connection = http.client.HTTPConnection(re.search(r"http://([\d.:]+)", first_line)[1], timeout=10)
    connection.request("GET", path, headers={"X-API-Key": key})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_a_signal_stops_it_cleanly(number):
    with running() as (process, line):
        assert re.fullmatch(
            r"Marketplace example API \(synthetic data\) on http://127\.0\.0\.1:\d+ — day 0, key demo-key "
            r"\(Ctrl-C stops it\)\n",
            line,
        )
        assert get(line, "/v1/shops")[0] == 200
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_the_ready_file_holds_the_url_while_it_listens(tmp_path):
    ready = tmp_path / "url"
    with running("--ready-file", ready, "--advance", "manual") as (process, line):
        get(line, "/v1/health")
        while not ready.exists():  # written just after the line
            assert process.poll() is None
        assert ready.read_text() == re.search(r"http://[\d.:]+", line)[0] + "\n"
        process.terminate()
        assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


def test_options_reach_the_server(tmp_path):
    state, log = tmp_path / "day", tmp_path / "log"
    state.write_text('{"day": 6}')
    options = ["--reviews", 90, "--clean", "--state", state, "--served-log", log, "--no-gzip", "--verbose"]
    with running(*options, MARKETPLACE_API_KEY="from-env") as (process, line):
        assert "day 6, key from-env" in line
        status, body = get(line, "/v1/diaper_reviews?limit=1000", "from-env")
        assert status == 200
        assert json.loads(body)["meta"]["count"] == 90 + 6 * 25
        process.terminate()
        assert process.wait(10) == 0
        assert '"GET /v1/diaper_reviews?limit=1000 HTTP/1.1" 200' in process.stderr.read()
    assert json.loads(state.read_text()) == {"day": 7}
    assert len(log.read_text().splitlines()) == 240


def test_a_taken_port_is_said_so_and_exits_2(tmp_path):
    ready = tmp_path / "url"
    ready.write_text("another server's")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("--port", port, "--ready-file", ready), cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: port {port} is already in use\n  fix:   ")
    assert ready.read_text() == "another server's"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--reviews", "1000001"], "reviews must be 0 to 1000000", id="too many reviews"),
        pytest.param(["--state", __file__], "is not a state file", id="a foreign state file"),
        pytest.param(["--state", f"{__file__}/day"], "Error: [Errno", id="state in a file"),
        pytest.param(["--served-log", "no/such/folder/log"], "no/such/folder/log", id="log in no folder"),
        pytest.param(["--port", "70000"], "a port is a number", id="an impossible port"),
        pytest.param(["--frobnicate"], "unrecognized arguments", id="an unknown option"),
    ],
)
def test_a_wrong_option_exits_2_without_a_traceback(options, message):
    done = subprocess.run(command(*options), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
