"""``lake status``: shows how sources and datasets stand, and tells of what is stale."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.errors import STALE_EXIT_CODE
from lake.options import check_apart, env_file_option, json_option, lake_address, lake_option, open_project
from lake.terminal import on_terminal, print_notice, print_text, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.status import SourceStatus


@click.command()
@click.option("-c", "--config", "configs", multiple=True, metavar="FILE", help="Default: config.json. Repeatable.")
@env_file_option
@lake_option
@click.option("--notify", is_flag=True, help="Tell of what has become stale, as the configuration says.")
@json_option
def status(*, configs: tuple[str, ...], address: str | None, notify: bool, as_json: bool) -> int:
    """Show the last run of each source, and how old each dataset is; exit code 8 if one is staler than it may be.

    \b
    Example:
      lake status
      lake status --lake ./lake --json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.freshness import to_dataset_table  # their imports are not for --help
    from lake.status import to_status_table

    statuses = _of_address(configs, address, notify=notify) if address else _of_projects(configs, notify=notify)
    if as_json:
        print_text(to_json(statuses))
    else:
        print_text(to_status_table(statuses, terminal=on_terminal()))
        datasets = [dataset for each in statuses for dataset in each.datasets]
        if datasets:
            print_text(f"\n{to_dataset_table(datasets, terminal=on_terminal())}")
    return STALE_EXIT_CODE if any(each.stale for each in statuses) else 0


def _of_address(configs: Sequence[str], address: str, *, notify: bool) -> list[SourceStatus]:
    from lake.catalog import open_lake  # their imports are not for --help
    from lake.status import read_status

    place = lake_address(configs[0] if configs else None, address)
    if notify:
        raise click.UsageError("--notify needs a configuration that says whom to tell; name it with -c.")
    return read_status(open_lake(place), datetime.now(UTC))


def _of_projects(configs: Sequence[str], *, notify: bool) -> list[SourceStatus]:
    """Return the sources of each lake that a configuration names, each lake once."""
    from lake.schedule.outlook import read_outlook  # their imports are not for --help
    from lake.schedule.stale_notices import tell_of_stale

    check_apart(configs)
    projects = [open_project(config) for config in configs or (None,)]
    statuses = read_outlook(projects, datetime.now(UTC))
    for project in projects if notify else ():
        own = statuses if len(projects) == 1 else read_outlook([project], datetime.now(UTC))
        tell_of_stale(project, own, print_notice)
    return statuses
