"""One page of each of the tap's streams becomes a tick or a cross a stream, and a look at the server's clock."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec

from lake.pipe import read_output
from lake.preflight.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lake.programs import Programs

_TOLERATED_SECONDS = 60
_SHOWN_FIELDS = 5


class StreamTrial(msgspec.Struct):
    """What the tap says of a stream."""

    stream: str
    records: int = 0
    seconds: float = 0.0
    first_record: str | None = None
    problems: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    error: str | None = None
    fix: str | None = None
    clock_ahead_seconds: int = 0
    exit_code: int = 0


def check_streams(config: Path, catalog: Path | None, programs: Programs) -> list[Check]:
    """Let the tap fetch a page of each stream, and judge what came."""
    code, output, log = read_output(programs.trial(config, catalog), stderr=subprocess.PIPE)
    try:
        trials = msgspec.json.decode(output, type=list[StreamTrial])
    except msgspec.DecodeError:
        return [_failed_tap(code, log)]
    return [*map(_to_check, trials), *_check_clock(trials)]


def _failed_tap(code: int, log: bytes) -> Check:
    """Word the error that ended the tap before it could try a stream: its log's last line of the highest level."""
    message, found, fix = "", "it ended without a word", ""
    for line in log.splitlines():
        record = _parse(line)
        if record.get("level") == "CRITICAL":
            message = str(record.get("message", ""))
    if message:
        head, *rest = message.split("\n")
        about = dict(part.strip().split(":", 1) for part in rest if ":" in part)
        found = f"{head.removeprefix('Error: ')} ({about['where'].strip()})" if "where" in about else head
        fix = about.get("fix", "").strip()
    return Check(what="tap", state="failed", found=found, fix=fix, exit_code=code or 1)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _to_check(trial: StreamTrial) -> Check:
    what = f"stream {trial.stream}"
    if trial.error is not None:
        code = trial.exit_code or 1
        return Check(what=what, state="failed", found=trial.error, fix=trial.fix or "", exit_code=code)
    if not trial.records:
        fix = "look whether that is right: from its start on, the stream has no records."
        return Check(what=what, state="warning", found="the first page is empty", fix=fix)
    came = f"{trial.records} records on the first page, in {trial.seconds:.1f} s"
    if trial.first_record == "invalid":
        fix = "mend the schema, or the record at its source; a run keeps such records apart, as rejected."
        found = f"{came}; the first one breaks its schema: {'; '.join(trial.problems)}"
        return Check(what=what, state="warning", found=found, fix=fix)
    if trial.undeclared:
        names = ", ".join(trial.undeclared[:_SHOWN_FIELDS])
        found = f"{came}; not in the schema: {names}{', …' if len(trial.undeclared) > _SHOWN_FIELDS else ''}"
        return Check(what=what, state="warning", found=found, fix="lake discover declares them.")
    return Check(what=what, found=f"{came}; the first one is valid")


def _check_clock(trials: list[StreamTrial]) -> Iterator[Check]:
    answered = [trial.clock_ahead_seconds for trial in trials if trial.error is None]
    if not answered:
        return
    ahead = max(answered, key=abs)
    if abs(ahead) <= _TOLERATED_SECONDS:
        yield Check(what="clock", found="within a minute of the server's, as far as its answers show")
        return
    side = "ahead of" if ahead > 0 else "behind"
    found = f"the server's clock is {abs(ahead):,} s {side} ours"
    fix = "set this machine's clock (NTP); if the server's is wrong, give streams a delay and a lookback."
    yield Check(what="clock", state="warning", found=found, fix=fix)
