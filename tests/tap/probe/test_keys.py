"""tap-rest-api --init: fields that tell records apart, or when they changed, whatever they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.probe.probing import draft_of
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tap.fake_api import Seen


def test_two_fields_that_are_a_key_together_are_suggested(tmp_path: Path) -> None:
    rows = [{"order_id": n // 3, "line": n % 3, "quantity": 1} for n in range(9)]
    with FakeApi(lambda seen: Reply(rows)) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/lines")
    assert "primary_key" not in facts["tap"]["streams"][0]
    (doubt,) = [doubt for doubt in facts["unsure"] if doubt["what"] == "primary key"]
    assert doubt["why"].endswith('these are not: "order_id" and "line"')
    assert '"primary_key": ["order_id", "line"]' in doubt["fix"]


@pytest.mark.parametrize(("unit", "form"), [(1, "epoch"), (1000, "epoch_ms")], ids=["seconds", "milliseconds"])
def test_a_count_of_seconds_is_a_replication_key_too(unit: int, form: str, tmp_path: Path) -> None:
    rows = [{"id": n, "updated_at": (1_700_000_000 + 37 * n) * unit} for n in range(30)]

    def route(seen: Seen) -> Reply:
        start = int(seen.query.get("updated_since", 0))
        return Reply([row for row in rows if row["updated_at"] >= start])

    with FakeApi(route) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/items")
        stream = facts["tap"]["streams"][0]
        assert stream["replication"] == {"key": "updated_at", "format": form, "sorted": "asc"}
        assert stream["params"] == {"updated_since": f"${{sync.start|{form}}}"}
        first = run_tap(tmp_path, facts["tap"])
        rows.append({"id": 99, "updated_at": 1_700_009_999 * unit})
        second = run_tap(tmp_path, facts["tap"], state=first.states[-1])
    assert [record["id"] for record in first.records()] == list(range(30))
    assert [record["id"] for record in second.records()] == [99]


def test_ids_that_count_up_are_only_suggested(tmp_path: Path) -> None:
    with FakeApi(lambda seen: Reply([{"id": n, "text": "x"} for n in range(30)])) as api:
        facts = draft_of(tmp_path, f"{api.url}/v1/events")
    assert "replication" not in facts["tap"]["streams"][0]
    (doubt,) = [doubt for doubt in facts["unsure"] if doubt["what"] == "replication"]
    assert '"replication": {"key": "id", "sorted": "asc"}' in doubt["fix"]
