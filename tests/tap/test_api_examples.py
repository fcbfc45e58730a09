"""The worked configurations of well-known APIs: valid, and run twice against answers in those APIs' documented shapes.

The answers are synthetic. They stand in `apis`, by request line; a request that none of them answers fails the test, so
the files also say what exactly is asked, of which credentials, and where the second run goes on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lake.project import load_project
from tap_rest_api.config import load_config
from tests.tap.fake_api import FakeApi, Reply, Seen
from tests.tap.tap import Outcome, run_tap

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "examples" / "apis").glob("*.json"))
README = (ROOT / "examples" / "apis" / "README.md").read_text("utf-8")


def answers(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).with_name("apis") / path.name).read_text("utf-8"))
    return content


def variables(path: Path) -> set[str]:
    return set(re.findall(r"\$\{env\.(\w+)\}", path.read_text("utf-8")))


class Recorded:
    """Answers each request line as a run's file says, to whoever has the credentials."""

    def __init__(self, run: dict[str, Any], credential: dict[str, str], url: str) -> None:
        self.asked: set[str] = set()
        self.lines = {answer["request"] for answer in run["answers"]}
        self._answers = {to_line(answer["request"]): answer for answer in run["answers"]}
        self._credential, self._url = credential, url

    def __call__(self, seen: Seen) -> Reply:
        if not self._credential.items() <= dict(seen.headers).items():
            return Reply({"error": "no credentials"}, status=401)
        line = f"{seen.line} {seen.body.decode()}".strip()
        answer = self._answers.get(to_line(line))
        if answer is None:
            return Reply({"error": f"no answer is recorded for {line}"}, status=400)
        self.asked.add(answer["request"])
        headers = {name: value.replace("{url}", self._url) for name, value in answer.get("headers", {}).items()}
        return Reply(answer["json"], headers=headers)


def to_line(line: str) -> str:
    """Return a request line in which the order of the query and of the body's keys is always the same."""
    head, brace, body = line.partition(" {")
    path, _, query = head.partition("?")
    body = json.dumps(json.loads("{" + body), sort_keys=True) if brace else ""
    return " ".join((path, *sorted(query.split("&")), body))


def keys(outcome: Outcome, config: dict[str, Any]) -> dict[str, list[Any]]:
    (stream,) = config["streams"]
    (key,) = stream["primary_key"]
    return {stream["name"]: [record[key] for record in outcome.records(stream["name"])]}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_is_valid_as_it_stands(path, monkeypatch):
    environment = dict.fromkeys(variables(path), "synthetic")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_config(str(path), environment).base_url.startswith("https://")
    assert load_project(path).catalog_path == path.parent / f"{path.stem}.catalog.json"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_all_pages_are_read_and_the_second_run_reads_what_is_new(path, tmp_path):
    recorded = answers(path)
    environment = recorded["environment"]
    with FakeApi(lambda seen: Reply(status=599)) as api:
        config = json.loads(path.read_text("utf-8"))["tap"]
        config["vars"]["host"] = api.url
        config["limits"] = {"concurrency": 1, "retries": 0}  # as fast as it goes; the waits have tests of their own
        if "size" in recorded:
            config["streams"][0]["pagination"]["size"] = recorded["size"]
        api.route = first = Recorded(recorded["first"], recorded["credential"], api.url)
        found = run_tap(tmp_path, config, mode="discover", environment=environment)
        assert found.error is None, found.error.show() if found.error else ""
        catalog = json.loads(found.output)
        outcome = run_tap(tmp_path, config, catalog=catalog, environment=environment)
        assert outcome.error is None, outcome.error.show() if outcome.error else ""
        assert keys(outcome, config) == recorded["first"]["keys"]
        assert first.asked == first.lines
        for field in recorded.get("absent", ()):
            assert all(field not in record for record in outcome.records())
        api.route = second = Recorded(recorded["second"], recorded["credential"], api.url)
        again = run_tap(tmp_path, config, catalog=catalog, state=outcome.states[-1], environment=environment)
        assert again.error is None, again.error.show() if again.error else ""
        assert keys(again, config) == recorded["second"]["keys"]
        assert second.asked == second.lines


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_readme_says_which_variables_to_set_and_what_lands(path):
    (row,) = [line for line in README.splitlines() if line.startswith(f"| [{path.stem}]({path.name}) ")]
    _, _, named, lands, _ = row.split("|")
    assert set(re.findall(r"`([A-Z]+_[A-Z]+)`", named)) == variables(path)
    (stream,) = json.loads(path.read_text("utf-8"))["tap"]["streams"]
    assert f"`{stream['name']}`" in lands
