from __future__ import annotations

import json
import logging
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.cut import cut
from tap_rest_api.errors import ConfigError
from tap_rest_api.log import LOGGER, Mask, log_error, log_metric, set_up
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from pathlib import Path

SECRET = 'p@ss w/ö"rd+='


@pytest.mark.parametrize(
    "form",
    [SECRET, b64encode(SECRET.encode()).decode(), quote(SECRET, safe=""), quote_plus(SECRET), json.dumps(SECRET)[1:-1]],
)
def test_a_secret_is_masked_in_every_form_it_takes(form: str) -> None:
    assert Mask([SECRET])(f"before {form} after") == "before *** after"


@pytest.mark.parametrize("length", range(4, len(SECRET)))
def test_the_half_of_a_secret_before_a_cut_is_masked(length: int) -> None:
    assert Mask([SECRET])(f"{cut(f'before {SECRET} after', 7 + length)}\nwhere") == "before ***…\nwhere"


def test_the_longest_secret_is_masked_first() -> None:
    assert Mask(["demo", "demo-key"])("demo-key demo") == "*** ***"


def test_texts_too_short_to_be_secrets_stay() -> None:
    assert Mask(["", "1", "de"])("page 1 of de") == "page 1 of de"


def test_control_characters_cannot_reach_a_terminal() -> None:
    assert Mask()("a\x1b[2Jb\rc\x00\n\td") == "a\\x1b[2Jb\\x0dc\\x00\n\td"


@given(st.text(min_size=3), st.text(), st.text())
def test_no_secret_survives_masking(secret: str, before: str, after: str) -> None:
    assert secret not in Mask([secret])(before + secret + after) or secret in "*** \\x0123456789abcdef"


def test_text_lines_are_singers_and_masked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "text", Mask([SECRET]))
    LOGGER.info("token %s", SECRET)
    log_metric("counter", "record_count", 3, {"endpoint": "items"})
    log_error(ConfigError("wrong", where="here", fix=f"not {SECRET}"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "INFO token ***"
    assert json.loads(lines[1].removeprefix("INFO METRIC: ")) == {
        "type": "counter",
        "metric": "record_count",
        "value": 3,
        "tags": {"endpoint": "items"},
    }
    assert lines[2:] == ["Error: wrong", "  where: here", "  fix:   not ***"]


def test_json_lines_are_one_object_each_and_masked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "json", Mask([SECRET]))
    LOGGER.warning("token %s\nsecond line", SECRET)
    LOGGER.critical("a bug", exc_info=ValueError(SECRET))
    warning, bug = map(json.loads, capsys.readouterr().err.splitlines())
    assert (warning["level"], warning["message"]) == ("WARNING", "token ***\nsecond line")
    assert warning["logger"] == "tap_rest_api"
    assert warning["time"].endswith("Z")
    assert "ValueError: ***" in bug["exception"]


def test_the_level_decides_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("error", "text", Mask())
    LOGGER.warning("quiet")
    logging.getLogger("urllib3").debug("quiet")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("status", [200, 404, 401])
def test_a_whole_run_at_debug_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: str, status: int
) -> None:
    """The key stands in the query, a password in basic auth, and the API echoes what it got."""
    config = {
        "auth": {"type": "api_key", "in": "query", "name": "key", "token": "${env.KEY}"},
        "defaults": {"records": "data", "pagination": {"type": "none"}},
        "streams": [
            {"name": "a", "path": "/a", "params": {"again": "${env.OTHER}"}},
            {
                "name": "b",
                "path": "/b",
                "auth": {"type": "basic", "username": "someone", "password": "hunter2-${env.KEY}"},
            },
        ],
    }
    secrets = {"KEY": "k3y/with+signs", "OTHER": "0th3r s3cret"}
    with FakeApi(lambda seen: Reply({"data": [{"id": 1}], "echo": seen.target}, status)) as api:
        config["base_url"] = api.url
        options = {"log_level": "debug", "log_format": log_format}
        outcome = run_tap(tmp_path, config, environment=secrets, **options)
    if outcome.error:
        log_error(outcome.error)
    shown = capsys.readouterr().err
    assert "/a" in shown
    for secret in (*secrets.values(), "hunter2", "someone"):
        for form in (
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            b64encode(secret.encode()).decode().rstrip("="),
        ):
            assert form not in shown
    assert b64encode(b"someone:hunter2-k3y/with+signs").decode() not in shown


def test_a_secret_does_not_show_when_the_configuration_that_names_it_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"base_url": "${env.URL}", "streams": []}
    outcome = run_tap(tmp_path, config, environment={"URL": "no-url-but-hunter2"})
    assert outcome.error is not None
    log_error(outcome.error)
    assert "hunter2" not in capsys.readouterr().err
