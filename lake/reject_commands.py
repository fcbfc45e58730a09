"""``lake rejects``: what did not land, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.options import config_option, json_option, lake_address, lake_option
from lake.terminal import on_terminal, print_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lake.reject_list import Filter, RejectedRecord


@click.command()
@click.argument("name", required=False)
@config_option
@lake_option
@click.option("--since", metavar="TIME", help="Only later ones: an age as 7d or 12h, a date, or a time.")
@click.option(
    "--reason", type=click.Choice(["schema", "value", "json", "encoding", "size"]), help="Only those of this reason."
)
@click.option("--run", metavar="ID", help="Only those of this run.")
@click.option("--raw", is_flag=True, help="Show each record, with its text: it may hold personal data.")
@json_option
def rejects(
    *,
    name: str | None,
    config: str | None,
    address: str | None,
    raw: bool,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Show why records were rejected, how many and when; with --raw each of them.

    \b
    Example:
      lake rejects diaper_reviews --since 7d
      lake rejects --reason schema --raw --json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
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


def _rejected(address: str | Path, name: str | None, wanted: Filter, *, raw: bool) -> Iterator[RejectedRecord]:
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.reject_list import read_reject_list

    storage, catalog = open_lake(address), Catalog(address)
    dataset = catalog[name] if name else None
    for history in catalog.histories():
        if dataset is None or history.source == dataset.source:
            chosen = replace(wanted, stream=dataset.stream if dataset else None)
            yield from read_reject_list(storage, history, chosen, raw=raw)
