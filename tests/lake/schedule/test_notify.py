"""Whoever is to be told is told: by a real program, by a real small server; and a failing one changes nothing."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lake.errors import UsageError
from lake.project import load_project
from lake.schedule.notify import Notice, load_notifier, tell
from lake.schedule.webhook import WAITS_SECONDS, post
from target_datalake.errors import ConfigError

FAILURE = Notice(
    event="failure", text="Source 'shop' failed.", lake="/lake", source="shop", exit_code=4, run={"run": "1"}
)

WRITES = """
import json, os, sys
told = {"stdin": json.load(sys.stdin), "argv": sys.argv[1:], "cwd": os.getcwd()}
told["env"] = {key: value for key, value in os.environ.items() if key.startswith("LAKE_")}
open("told.json", "w").write(json.dumps(told))
"""


@pytest.fixture
def notifier(tmp_path):
    def load(**notify):
        document = {"target": {"path": "lake"}, "lake": {"notify": notify}}
        (tmp_path / "config.json").write_text(json.dumps(document))
        return load_notifier(load_project(tmp_path / "config.json"))

    return load


@contextmanager
def server(*codes: int, headers: dict[str, str] | None = None):
    """A server that answers with these codes in turn, then with 200, and keeps what it was sent."""
    received, coming = [], list(codes)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(coming.pop(0) if coming else 200)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/hook/s3cret", received
        finally:
            http.shutdown()
            thread.join()


def test_a_command_is_told_on_stdin_and_in_its_environment(notifier, tmp_path):
    (tmp_path / "alert.py").write_text(WRITES)
    warnings: list[str] = []
    assert tell(notifier(command=[sys.executable, "./alert.py", "$HOME; ls"]), FAILURE, warnings.append)
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["stdin"]["event"], told["stdin"]["run"], told["stdin"]["exit_code"]) == ("failure", {"run": "1"}, 4)
    assert told["argv"] == ["$HOME; ls"]  # no shell has seen it
    assert told["cwd"] == str(tmp_path)
    assert told["env"]["LAKE_EVENT"] == "failure"
    assert told["env"]["LAKE_SOURCE"] == "shop"
    assert told["env"]["LAKE_EXIT_CODE"] == "4"
    assert warnings == []


def test_a_command_beside_the_configuration_is_found_from_anywhere(notifier, tmp_path):
    script = tmp_path / "alert.sh"
    script.write_text("#!/bin/sh\ncat > told.json\n")
    script.chmod(0o755)
    assert tell(notifier(command=["./alert.sh"]), FAILURE, print)
    assert json.loads((tmp_path / "told.json").read_text())["source"] == "shop"


@pytest.mark.parametrize(
    ("command", "timeout", "message"),
    [
        pytest.param(["./nothing"], 10, "cannot be started: No such file or directory", id="missing"),
        pytest.param(["/bin/sh", "-c", "exit 3"], 10, "exited with 3", id="fails"),
        pytest.param(["/bin/sh", "-c", "kill -9 $$"], 10, "exited with -9", id="is killed"),
        pytest.param(["/bin/sh", "-c", "sleep 60 & sleep 60"], 1, "took longer than 1 s", id="hangs"),
        pytest.param(["/bin/sh", "-c", "exec 0<&-; exit 0"], 10, None, id="does not listen, which is no failure"),
    ],
)
def test_a_command_that_fails_is_a_warning(notifier, command, timeout, message):
    warnings: list[str] = []
    long = Notice(event="failure", text="x" * 1_000_000, lake="/lake", source="shop")
    notice = FAILURE if message else long
    told = tell(notifier(command=command, timeout_seconds=timeout), notice, warnings.append)
    assert told == (message is None)
    assert [message in warning for warning in warnings] == ([True] if message else [])


def test_a_webhook_is_sent_the_notice(notifier, monkeypatch):
    with server() as (url, received):
        monkeypatch.setenv("HOOK", url)
        assert tell(notifier(webhook="${env.HOOK}"), FAILURE, print)
    ((path, headers, body),) = received
    assert path == "/hook/s3cret"
    assert headers["Content-Type"] == "application/json"
    assert body["text"] == "Source 'shop' failed."


def test_a_webhook_is_tried_again_where_that_may_help():
    waits: list[float] = []
    with server(503, 429) as (url, received):
        assert post(url, b"{}", 5, waits.append) == ""
    assert (len(received), waits) == (3, list(WAITS_SECONDS))


@pytest.mark.parametrize(("code", "tries"), [(404, 1), (400, 1), (301, 1), (500, 3)])
def test_a_webhook_that_refuses_is_told_without_its_address(code, tries):
    with server(*[code] * 3, headers={"Location": "http://elsewhere.example/"}) as (url, received):
        problem = post(url, b"{}", 5, lambda _seconds: None)
    assert problem == f"the webhook at 127.0.0.1 answered {code}"
    assert len(received) == tries


def test_a_webhook_that_is_away_is_told_without_its_address():
    with server() as (url, _):
        pass
    problem = post(url, b"{}", 1, lambda _seconds: None)
    assert problem == "the webhook at 127.0.0.1 cannot be reached (ConnectionError)"


def test_a_netrc_is_not_sent_along(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with server() as (url, received):
        assert post(url, b"{}", 5) == ""
    assert "Authorization" not in received[0][1]


def test_only_what_was_asked_for_is_told(notifier):
    nobody = notifier(command=["./nothing"], on=["recovery"])
    assert tell(nobody, FAILURE, pytest.fail)


@pytest.mark.parametrize(
    ("notify", "message"),
    [
        pytest.param({"on": ["failure"]}, "nobody is named to be told", id="nobody"),
        pytest.param({"webhook": "hooks.example/x"}, "no address of a webhook", id="no scheme"),
        pytest.param({"webhook": "ftp://hooks.example/x"}, "no address of a webhook", id="another scheme"),
        pytest.param({"webhook": "${env.NOT_SET_ANYWHERE}"}, "NOT_SET_ANYWHERE is not set", id="no variable"),
        pytest.param({"command": "mail ops"}, "expected array", id="a shell's string"),
        pytest.param({"command": ["x"], "on": ["failur"]}, "not one of those allowed", id="no event"),
        pytest.param({"comand": ["x"]}, 'unknown key "comand"', id="a key misspelt"),
    ],
)
def test_what_cannot_be_is_refused(notifier, notify, message):
    with pytest.raises((UsageError, ConfigError)) as caught:
        notifier(**notify)
    assert message in caught.value.message
    assert "s3cret" not in caught.value.show()


def test_a_variable_that_only_the_notifier_needs_is_not_asked_of_readers(tmp_path):
    document = {"target": {"path": "lake"}, "lake": {"notify": {"webhook": "${env.NOT_SET_ANYWHERE}"}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert load_project(tmp_path / "config.json").source == "default"
