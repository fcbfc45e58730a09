"""``lake rejects``: what did not land, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lake.completion import dataset_names
from lake.errors import UnknownDatasetError, UsageError
from lake.options import config_option, json_option, lake_address, lake_option, open_project
from lake.terminal import on_terminal, print_notice, print_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.reject_list import Filter, RejectedRecord


@click.command()
@click.argument("name", required=False, shell_complete=dataset_names)
@config_option
@lake_option
@click.option("--since", metavar="TIME", help="Only later ones: an age as 7d or 12h, a date, or a time.")
@click.option(
    "--reason", type=click.Choice(["schema", "value", "json", "encoding", "size"]), help="Only those of this reason."
)
@click.option("--run", metavar="ID", help="Only those of this run.")
@click.option("--replay", is_flag=True, help="Validate them again, and land those that a mended schema accepts.")
@click.option("--catalog", metavar="FILE", help="With --replay: the Singer catalog that has the mended schema.")
@click.option("--raw", is_flag=True, help="Show each record, with its text: it may hold personal data.")
@json_option
def rejects(
    *,
    name: str | None,
    config: str | None,
    address: str | None,
    raw: bool,
    replay: bool,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Show why records were rejected, how many and when; with --raw each of them; or land them with --replay.

    \b
    Example:
      lake rejects diaper_reviews --since 7d
      lake rejects --reason schema --raw --json
      lake rejects diaper_reviews --replay -c config.json --catalog catalog.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    if replay:
        _check_replay(address, wanted, raw=raw)
        return _replay(config, name, wanted["catalog"], as_json=as_json)
    if wanted["catalog"]:
        raise UsageError("--catalog is for --replay", where="--catalog", fix="add --replay, or leave it out")
    from lake.moments import parse_moment  # their imports are not for --help
    from lake.reject_list import Filter
    from lake.reject_table import to_reject_lines, to_reject_table

    since = parse_moment(wanted["since"], datetime.now(UTC), "--since") if wanted["since"] else None
    chosen = Filter(None, since, wanted["reason"], wanted["run"])
    records = _rejected(lake_address(config, address), name, chosen, raw=raw)
    if as_json or raw:
        for line in map(to_json, records) if as_json else to_reject_lines(records):
            print_text(line)
    else:
        print_text(to_reject_table(records, terminal=on_terminal()))
    return None


def _check_replay(address: str | None, wanted: dict[str, str | None], *, raw: bool) -> None:
    """Check that nothing is asked for that a replay would pass over. Raises UsageError."""
    given = [f"--{option}" for option in ("since", "reason", "run") if wanted[option]] + ["--raw"] * raw
    if given:
        fix = "all rejected records of a dataset are replayed: leave it out"
        raise UsageError(f"--replay does not go with {given[0]}", where=given[0], fix=fix)
    if address is not None:
        fix = "name the configuration of the source with -c: it says how its records land"
        raise UsageError("--replay does not go with --lake", where="--lake", fix=fix)


def _replay(config: str | None, name: str | None, catalog: str | None, *, as_json: bool) -> None:
    from lake.keep_options import chosen_streams, held  # their imports are not for --help
    from lake.replay import declared_streams, replay_stream, to_replay_text
    from lake.stream_catalog import read_stream_catalog
    from target_datalake.config import load_config

    project = open_project(config)
    options = load_config(str(project.config_path))
    declared = declared_streams(read_stream_catalog(Path(catalog))) if catalog else {}
    streams = chosen_streams(project.config_path, name).get(project.source, None if name else ())
    if streams is None:
        fix = "name the configuration of the source that lands it"
        raise UsageError(f"source {project.source!r} does not land {name!r}", where=str(project.config_path), fix=fix)
    with held(project.config_path, project.source) as source:
        done = [replay_stream(source, stream, declared.get(stream), options) for stream in streams]
    done = [each for each in done if each.landed or each.still_rejected]
    print_text(to_json(done) if as_json else to_replay_text(done))
    if catalog is None and any(each.still_rejected for each in done):
        print_notice("Notice: they were held against the schema that landed last; --catalog FILE names a mended one.")


def _rejected(address: str | Path, name: str | None, wanted: Filter, *, raw: bool) -> Iterator[RejectedRecord]:
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.reject_list import find_refused, read_reject_list, unlanded_histories

    storage, catalog = open_lake(address), Catalog(address)
    landed = catalog.histories()
    histories = [*landed, *unlanded_histories(storage, landed)]
    try:
        dataset = catalog[name] if name else None
    except UnknownDatasetError:
        refused = find_refused(storage, histories, name or "", wanted, raw=raw)
        if not refused:
            raise
        yield from refused
        return
    for history in histories:
        if dataset is None or history.source == dataset.source:
            chosen = replace(wanted, stream=dataset.stream if dataset else None)
            yield from read_reject_list(storage, history, chosen, raw=raw)
