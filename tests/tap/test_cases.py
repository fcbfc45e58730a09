"""Habits of real APIs, one data file each: {config, answers, state, options} and the messages that must come out.

`answers` are the API's replies, by request line; several under one line are given one after another. `{url}`
stands for the API's address. In `messages` stand all but SCHEMA, without time_extracted; a full table's version
is "V". `text` is a body that is sent as it is, `json` one that is encoded.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from tests.tap.fake_api import Seen
    from tests.tap.tap import Outcome

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, tmp_path: Path) -> None:
    case = json.loads(path.read_text("utf-8"), parse_float=Decimal)
    with FakeApi(lambda seen: Reply(status=599)) as api:
        api.route = Script(case["answers"], api.url)
        config = json.loads(path.read_text("utf-8"))["config"] | {"base_url": api.url}
        config.setdefault("limits", {}).setdefault("concurrency", 1)  # so that the order of requests is known
        outcome = run_tap(tmp_path, config, state=case.get("state"), **case.get("options", {}))
    shown = outcome.error.show() if outcome.error else ""
    assert shown.startswith(case.get("error", "")), shown
    assert bool(shown) == ("error" in case), shown
    assert outcome.exit_code == case.get("exit_code", 0)
    assert normalised(outcome) == case["messages"]
    if "requests" in case:
        assert api.lines == case["requests"]


class Script:
    """Replies as a case's answers say."""

    def __init__(self, answers: list[dict[str, Any]], url: str) -> None:
        self.waiting: dict[str, list[Reply]] = {}
        for answer in answers:
            self.waiting.setdefault(answer["request"], []).append(to_reply(answer, url))

    def __call__(self, seen: Seen) -> Reply:
        line = f"{seen.line} {seen.body.decode()}".strip()
        replies = self.waiting.get(line)
        if not replies:
            return Reply({"error": f"the case has no answer to {line}"}, status=400)
        return replies.pop(0) if len(replies) > 1 else replies[0]


def to_reply(answer: dict[str, Any], url: str) -> Reply:
    text = answer["text"] if "text" in answer else json.dumps(answer.get("json", ""), default=str)
    headers = {name: value.replace("{url}", url) for name, value in answer.get("headers", {}).items()}
    return Reply(text.replace("{url}", url).encode("utf-8"), answer.get("status", 200), headers)


def normalised(outcome: Outcome) -> list[dict[str, Any]]:
    messages = []
    for message in outcome.messages:
        if message["type"] == "SCHEMA":
            continue
        message.pop("time_extracted", None)
        if "version" in message:
            message["version"] = "V"
        for bookmark in message.get("value", {}).get("bookmarks", {}).values():
            if "version" in bookmark:
                bookmark["version"] = "V"
        messages.append(message)
    return messages
