"""Turns a parsed command line into what the tap does: discover, test, tell about itself, or sync."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tap_rest_api.ahead import Worker
from tap_rest_api.bookmark import begin
from tap_rest_api.catalog import load_catalog, select
from tap_rest_api.check import load_schema
from tap_rest_api.client import Client
from tap_rest_api.config import load_config
from tap_rest_api.discover import discover
from tap_rest_api.document import find_secrets
from tap_rest_api.errors import TapError
from tap_rest_api.instants import format_instant
from tap_rest_api.log import LOGGER, Mask, set_up
from tap_rest_api.state import load_state
from tap_rest_api.streams import contexts, read
from tap_rest_api.sync import sync
from tap_rest_api.unit import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_rest_api.config import Stream
    from tap_rest_api.stdout import Stdout


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    config: str = ""
    catalog: str | None = None
    state: str | None = None
    form: str = "text"
    log_level: str = "info"
    log_format: str = "text"


def run(mode: str, options: Options, stdout: Stdout, environment: Mapping[str, str] = os.environ) -> int:
    """Do what a mode asks for.

    Args:
        mode: "sync", "discover", "test" or "about".
        options: The command line.
        stdout: Where messages go.
        environment: What `${env.X}` reads.

    Returns:
        0, or the exit code of the worst that a test found.

    Raises:
        TapError: It could not be done; the log is set up to show it without secrets.
    """
    set_up(options.log_level, options.log_format, Mask(find_secrets(options.config, environment)))
    return _MODES[mode](options, stdout, environment)


def _open(options: Options, environment: Mapping[str, str]) -> Source:
    config = load_config(options.config, environment)
    set_up(options.log_level, options.log_format, Mask(config.secrets))
    return Source(config, Client(config), Worker(), format_instant(datetime.now(UTC)))


def _sync(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    source = _open(options, environment)
    state = load_state(options.state, [stream.name for stream in source.config.streams])
    catalog = load_catalog(options.catalog) if options.catalog else discover(source)
    selections = select(catalog, source.config, options.catalog or "")
    LOGGER.info("%d streams selected, of %d at %s", len(selections), len(catalog["streams"]), source.config.base_url)
    for chunk in sync(source, selections, state, lambda: datetime.now(UTC)):
        stdout.write(chunk)
    return 0


def _discover(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    source = _open(options, environment)
    previous = load_catalog(options.catalog) if options.catalog else None
    stdout.write(json.dumps(discover(source, previous), indent=2, ensure_ascii=False).encode() + b"\n")
    return 0


def _test(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    source = _open(options, environment)
    rows = []
    exit_code = 0
    for stream in source.config.streams:
        row, code = _try_stream(source, stream)
        rows.append(row)
        exit_code = exit_code or code
    text = json.dumps(rows, indent=2) if options.form == "json" else _table(rows)
    stdout.write(f"{text}\n".encode())
    return exit_code


def _try_stream(source: Source, stream: Stream) -> tuple[dict[str, Any], int]:
    """Fetch one page of a stream, for its first parent."""
    began, records = time.monotonic(), 0
    error: TapError | None = None
    try:
        for context in contexts(source, stream):
            batch = next(read(source, stream, context, begin(stream.replication, None)))
            records = len(batch.records)
            break
    except TapError as caught:
        error = caught
        LOGGER.error("%s", error.show())
    seconds = round(time.monotonic() - began, 3)
    row = {"stream": stream.name, "records": records, "seconds": seconds, "error": error.message if error else None}
    return row, error.exit_code if error else 0


def _table(rows: list[dict[str, Any]]) -> str:
    width = max(len("stream"), *(len(row["stream"]) for row in rows))
    lines = [f"{'stream':<{width}}  records  seconds  result"]
    lines += [
        f"{row['stream']:<{width}}  {row['records']:>7}  {row['seconds']:>7.3f}  {row['error'] or 'ok'}" for row in rows
    ]
    return "\n".join(lines)


def _about(options: Options, stdout: Stdout, _: Mapping[str, str]) -> int:
    facts = {
        "name": "tap-rest-api",
        "description": "Any paginated REST API, described by one JSON file, as Singer messages.",
        "version": version("rest-datalake"),
        "capabilities": ["catalog", "discover", "state", "test", "about", "activate-version"],
        "settings": load_schema(),
    }
    text = json.dumps(facts, indent=2) if options.form == "json" else _summary(facts)
    stdout.write(f"{text}\n".encode())
    return 0


def _summary(facts: Mapping[str, Any]) -> str:
    settings = facts["settings"]["properties"]
    lines = [f"{facts['name']} {facts['version']}: {facts['description']}", "", "Settings:"]
    lines += [f"  {name:<14} {option.get('description', '')}".rstrip() for name, option in settings.items()]
    return "\n".join([*lines, "", f"Capabilities: {', '.join(facts['capabilities'])}"])


_MODES: dict[str, Callable[[Options, Stdout, Mapping[str, str]], int]] = {
    "sync": _sync,
    "discover": _discover,
    "test": _test,
    "about": _about,
}
