"""``lake build`` and ``lineage``: make the datasets of the upper zones, and tell where they come from."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.options import config_option, json_option, lake_address, lake_option, open_project
from lake.terminal import can_draw, on_terminal, print_error, print_notice, print_text, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lake.errors import LakeError
    from lake.zones.watch import Watch
    from target_datalake.errors import TargetError

_MEMORY = "1GB"

_SIZE = re.compile(r"\d+(\.\d+)?\s*([kKMGT]i?B)\Z")


def _check_size(_context: click.Context, _option: click.Parameter, size: str) -> str:
    if not _SIZE.match(size):
        raise click.BadParameter(f"{size!r} is no size: write it like 500MB or 2GiB")
    return size


@click.command()
@click.argument("datasets", nargs=-1, metavar="[DATASET ...]")
@config_option
@click.option(
    "--select", "patterns", multiple=True, metavar="NAME+", help="NAME alone, NAME+ with what is built from it."
)
@click.option("--full", is_flag=True, help="Make them anew from all rows, even if nothing changed.")
@click.option(
    "--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True, help="What runs the SQL."
)
@click.option(
    "--memory-limit",
    default=_MEMORY,
    show_default=True,
    metavar="SIZE",
    callback=_check_size,
    help="What is more spills to disk.",
)
@json_option
@click.option("--quiet", is_flag=True, help="Print only what is wrong, as cron wants it.")
def build(
    *,
    datasets: tuple[str, ...],
    config: str | None,
    patterns: tuple[str, ...],
    full: bool,
    as_json: bool,
    quiet: bool,
    **options: str,
) -> int:
    """Build the datasets of the clean and the business zone, as far as something changed.

    A DATASET is built after what it is built from; without one all are. Exit code 8: a new version is not what its
    header expects, and the version before stands.

    \b
    Example:
      lake build
      lake build business.brand_ratings
      lake build --select clean.diaper_reviews+ --full
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.runs import new_run_id
    from lake.schedule.build_notices import telling_of_build
    from lake.spark.session import SparkOptions
    from lake.zones.build import Workshop
    from lake.zones.builds import Choice, build_all, read_graph
    from lake.zones.engines import open_engines
    from lake.zones.report import to_build_table

    project, run = open_project(config), new_run_id(datetime.now(UTC))
    with telling_of_build(project, print_notice) as tell:
        storage = open_lake(project.config_path)
        catalog = Catalog.over(storage)
        graph, names = read_graph(catalog, project.zones_path)
        engines = open_engines(options["engine"], SparkOptions(**project.spark))
        limit, choice = options["memory_limit"], Choice(datasets, patterns, full)
        with _watching(quiet=quiet) as (watch, show):
            shop = Workshop(storage, catalog, engines, limit, run, lambda: time.time_ns() // 1000, watch)
            turns = []
            for turn in build_all(shop, graph, names, choice):
                turns.append(turn)
                if turn.error is not None:
                    show(turn.error)
        done = [turn.built for turn in turns]
        if as_json or not quiet:
            print_text(to_json(done) if as_json else to_build_table(done, terminal=on_terminal()))
        tell([turn.record for turn in turns if turn.record is not None])
    return next((built.exit_code for built in done if built.exit_code), 0)


@contextmanager
def _watching(*, quiet: bool) -> Iterator[tuple[Watch, Callable[[LakeError | TargetError], None]]]:
    """Give what is told of the build, and what shows its errors: at once, or when the screen is gone."""
    from lake.zones.build_screen import watched_build  # its imports are not for --help
    from lake.zones.watch import PlainWatch, Watch

    if quiet or not can_draw():
        yield Watch() if quiet else PlainWatch(print_notice), print_error
        return
    errors: list[LakeError | TargetError] = []
    try:
        with watched_build() as watch:
            yield watch, errors.append
    finally:
        for error in errors:
            print_error(error)


@click.command()
@click.argument("name")
@config_option
@lake_option
@json_option
def lineage(*, name: str, config: str | None, address: str | None, as_json: bool) -> None:
    """Show what a dataset was built from, down to the runs that brought its rows from the API.

    \b
    Example:
      lake lineage business.brand_ratings
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.zones.lineage import read_lineage
    from lake.zones.lineage_text import to_lineage_text

    storage = open_lake(lake_address(config, address))
    found = read_lineage(storage, Catalog.over(storage), name)
    print_text(to_json(found) if as_json else to_lineage_text(found))
