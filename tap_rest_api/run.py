"""Turns a parsed command line into what the tap does: discover, test, tell about itself, or sync."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_rest_api.ahead import Workers
from tap_rest_api.allocator import keep_freed_memory
from tap_rest_api.allowance import Allowance
from tap_rest_api.catalog import load_catalog, select
from tap_rest_api.client import Client
from tap_rest_api.config import load_config
from tap_rest_api.document import find_secrets
from tap_rest_api.errors import ConfigError
from tap_rest_api.instants import format_instant, parse_instant
from tap_rest_api.log import LOGGER, Mask, set_up
from tap_rest_api.meter import METRIC_SECONDS
from tap_rest_api.parts import Span
from tap_rest_api.state import load_state
from tap_rest_api.sync import sync
from tap_rest_api.unit import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_rest_api.config import Config
    from tap_rest_api.probe.draft import Draft
    from tap_rest_api.stdout import Stdout


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    config: str = ""
    catalog: str | None = None
    state: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    url: str | None = None
    openapi: str | None = None
    server: str | None = None
    take_all: bool = False
    auth: str | None = None
    headers: Sequence[str] = ()
    streams: Sequence[str] = ()
    form: str = "text"
    log_level: str = "info"
    log_format: str = "text"
    metric_seconds: float | None = None


def run(mode: str, options: Options, stdout: Stdout, environment: Mapping[str, str] = os.environ) -> int:
    """Do what a mode asks for.

    Args:
        mode: "sync", "discover", "test", "about", "init" or "openapi".
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
    mask = Mask(config.secrets)
    set_up(options.log_level, options.log_format, mask)
    client = Client(config, conceal=mask.add)
    workers = Workers(max(stream.concurrency for stream in config.streams))
    now, allowance = format_instant(datetime.now(UTC)), _allowance(config, client)
    seconds = METRIC_SECONDS if options.metric_seconds is None else options.metric_seconds
    return Source(config, client, workers, now, allowance, metric_seconds=seconds)


def _allowance(config: Config, client: Client) -> Allowance:
    def retries() -> int:
        return sum(traffic.retries for traffic in client.traffic.copy().values())

    return Allowance(config.run_limits, time.monotonic, retries, began=time.monotonic())


def _sync(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    keep_freed_memory()
    source = _open(options, environment)
    state = load_state(options.state, [stream.name for stream in source.config.streams])
    catalog = load_catalog(options.catalog) if options.catalog else _find_streams(source)
    selections = select(catalog, source.config, options.catalog or "")
    LOGGER.info("%d streams selected, of %d at %s", len(selections), len(catalog["streams"]), source.config.base_url)
    span = _to_span(options)
    if options.limit is not None:
        from tap_rest_api.excerpt import excerpt  # as each mode's own modules: the others need not wait for them

        chunks = excerpt(replace(source, most=1), selections, state, options.limit, span)
    else:
        chunks = sync(source, selections, state, lambda: datetime.now(UTC), span)
    for chunk in chunks:
        stdout.write(chunk)
    return 0


def _find_streams(source: Source, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    from tap_rest_api.discover import discover  # 50 ms, which a run with a catalog need not pay

    return discover(source, previous)


def _to_span(options: Options) -> Span | None:
    """Read --from and --to.

    Raises:
        ConfigError: One is no date, they lie the wrong way round, or a trial is to go on from a state.
    """
    if options.limit is not None and options.state is not None:
        fix = "leave one of them out: a trial begins where --from says, or at the start."
        raise ConfigError("a trial does not go on from a state", where="--limit, --state", fix=fix)
    dates = [_to_date(text, name) for text, name in ((options.since, "--from"), (options.until, "--to"))]
    if dates == [None, None]:
        return None
    if None not in dates and dates[0] >= dates[1]:  # type: ignore[operator]  # neither is None
        raise ConfigError("nothing lies between --from and --to", where="--to", fix="it is the first date left out.")
    return Span(*dates)


def _to_date(text: str | None, name: str) -> datetime | None:
    date = None if text is None else parse_instant(text)
    if text is not None and date is None:
        raise ConfigError(
            f"{name} is not a date", where=name, fix='write it like "2024-01-31", or "2024-01-31T08:00:00Z".'
        )
    return date


def _discover(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    source = _open(options, environment)
    previous = load_catalog(options.catalog) if options.catalog else None
    stdout.write(json.dumps(_find_streams(source, previous), indent=2, ensure_ascii=False).encode() + b"\n")
    return 0


def _test(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    from tap_rest_api.trial import to_table, try_stream  # as above

    source = _open(options, environment)
    entries = load_catalog(options.catalog)["streams"] if options.catalog else ()
    schemas = {entry["tap_stream_id"]: entry["schema"] for entry in entries}
    trials = [try_stream(source, stream, schemas.get(stream.name)) for stream in source.config.streams]
    text = json.dumps([trial.facts() for trial in trials], indent=2) if options.form == "json" else to_table(trials)
    stdout.write(f"{text}\n".encode())
    return next((trial.exit_code for trial in trials if trial.exit_code), 0)


def _about(options: Options, stdout: Stdout, _: Mapping[str, str]) -> int:
    from tap_rest_api.about import to_facts, to_text  # as above

    facts = to_facts()
    text = json.dumps(facts, indent=2) if options.form == "json" else to_text(facts)
    stdout.write(f"{text}\n".encode())
    return 0


def _init(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    from tap_rest_api.probe.asker import World  # as above
    from tap_rest_api.probe.explore import explore

    world = World(environment, options.log_level, options.log_format)
    draft = explore(options.url or "", options.auth, options.headers, next(iter(options.streams), None), world)
    return _write_draft(draft, options, stdout)


def _openapi(options: Options, stdout: Stdout, environment: Mapping[str, str]) -> int:
    from tap_rest_api.probe.asker import World  # as above
    from tap_rest_api.spec.choose import terminal  # YAML's reader is for this alone
    from tap_rest_api.spec.describe import describe

    draft = describe(
        options.openapi or "",
        server=options.server,
        auth=options.auth,
        headers=options.headers,
        named=options.streams,
        take_all=options.take_all,
        ask=terminal(),
        world=World(environment, options.log_level, options.log_format),
    )
    return _write_draft(draft, options, stdout)


def _write_draft(draft: Draft, options: Options, stdout: Stdout) -> int:
    """Print a configuration and tell about it, or everything as one object."""
    if options.form == "json":
        content: Any = draft.facts()
    else:
        from tap_rest_api.probe.asker import tell  # loaded by now: it has made the draft
        from tap_rest_api.probe.notes import to_text

        content = draft.tap
        tell(to_text(draft.notes))
    stdout.write(json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    return 0


_MODES: dict[str, Callable[[Options, Stdout, Mapping[str, str]], int]] = {
    "sync": _sync,
    "discover": _discover,
    "test": _test,
    "about": _about,
    "init": _init,
    "openapi": _openapi,
}
