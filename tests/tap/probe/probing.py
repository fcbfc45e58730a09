"""Turns an endpoint's address into what --init makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_rest_api.run import Options
from tests.tap.tap import Outcome, _run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run_init(
    folder: Path, url: str, *, form: str = "json", environment: Mapping[str, str] | None = None, **options: Any
) -> Outcome:
    """Run --init in this process."""
    return _run(folder / "out.json", "init", Options(url=url, form=form, **options), environment or {})


def draft_of(folder: Path, url: str, **options: Any) -> Any:
    """Return what --init prints, or raise what ended it."""
    outcome = run_init(folder, url, **options)
    if outcome.error is not None:
        raise outcome.error
    return json.loads(outcome.output)


def pages_of(case: Mapping[str, Any]) -> str:
    """Return the type of pagination that a case is about."""
    stream = {**case["config"].get("defaults", {}), **case["config"]["streams"][0]}
    return str(stream.get("pagination", {}).get("type", "auto"))
