"""Turns a configuration into what one run of the tap leaves behind: its messages, and how it ended."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import TapError
from tap_rest_api.run import Options, run
from tap_rest_api.stdout import Stdout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What came out on stdout, and the error that ended the run, if one did."""

    output: bytes
    error: TapError | None
    lines: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", self.output.splitlines())

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages, decimals exact."""
        return [json.loads(line, parse_float=Decimal) for line in self.lines]

    def records(self, stream: str | None = None) -> list[Any]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD" and stream in (None, m["stream"])]

    @property
    def states(self) -> list[Any]:
        return [message["value"] for message in self.messages if message["type"] == "STATE"]

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0


def run_tap(
    folder: Path,
    config: Mapping[str, Any],
    *,
    state: Any = None,
    catalog: Any = None,
    mode: str = "sync",
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Outcome:
    """Run the tap in this process, its files in a folder."""
    names = {"config": config, "state": state, "catalog": catalog}
    paths: dict[str, str] = {}
    for name, content in names.items():
        if content is not None:
            path = folder / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
            paths[name] = str(path)
    return _run(folder / "out.jsonl", mode, Options(**paths, **options), environment or {})


def _run(out: Path, mode: str, options: Options, environment: Mapping[str, str]) -> Outcome:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    error = None
    try:
        run(mode, options, Stdout(descriptor), environment)
    except TapError as caught:
        error = caught
    finally:
        os.close(descriptor)
    return Outcome(out.read_bytes(), error)
