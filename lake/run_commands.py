"""``lake run`` and ``lake discover``: the commands that start a tap."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake.errors import LakeError, Stopped
from lake.options import (
    check_apart,
    chosen_programs,
    config_option,
    env_file_option,
    json_option,
    open_project,
)
from lake.terminal import can_draw, on_terminal, print_error, print_nothing, print_notice, print_text
from lake.terminal import to_json as to_line
from target_datalake.errors import TargetError
from target_datalake.log import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.programs import Programs
    from lake.project import Project
    from lake.run import RunOptions
    from lake.runs import RunRecord

_METRIC_SECONDS = 0.5
"""How often the tap tells the screen how far it has come."""

_REJECTS_BYTES = 4 << 20
"""The summary looks for the commonest reason in no more than this of rejected records."""


@click.command()
@click.option(
    "-c", "--config", "configs", multiple=True, metavar="FILE", help="Repeat it to run several sources in turn."
)
@env_file_option
@click.option("--catalog", metavar="FILE", help="The Singer catalog to use. Default: catalog.json beside the config.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="Take only this stream. Repeatable.")
@click.option("--full-refresh", is_flag=True, help="Read the streams anew, from their start; what landed stays.")
@click.option("--from", "since", metavar="DATE", help="Read again from this date on; the bookmarks stay.")
@click.option("--to", "until", metavar="DATE", help="Read again up to this date, without it; the bookmarks stay.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only show N records a stream; nothing lands.")
@json_option
@click.option("--quiet", is_flag=True, help="Print only what is wrong, as cron wants it.")
@click.option("--log-level", type=click.Choice(LEVELS), help="Of both programs' logs, on stderr. Default: info.")
def run(*, configs: tuple[str, ...], as_json: bool, quiet: bool, log_level: str | None, **options: Any) -> int:
    """Run the tap into the target, from where the lake left off.

    \b
    Example:
      lake run -c config.json --stream diaper_reviews
      lake run --from 2024-01-01 --to 2024-02-01
      lake run --limit 5
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.run import RunOptions  # its imports are not for --help

    _check_run_options(options)
    check_apart(configs)
    catalog = Path(options.pop("catalog")) if options["catalog"] else None
    chosen = RunOptions(**{**options, "catalog": catalog})
    programs = chosen_programs(log_level or ("warning" if quiet else None))
    drawn = not quiet and log_level is None and chosen.limit is None and can_draw()
    if drawn:
        programs = replace(programs, metric_seconds=_METRIC_SECONDS)
    show = print_nothing if quiet and not as_json else _print_json if as_json else _print_summary
    first_failure = 0
    for config in configs or (None,):
        try:
            project = open_project(config)
            if chosen.limit is not None:
                _show_preview(project, chosen, programs, as_json=as_json)
                continue
            record = _run_one(project, chosen, programs, show, quiet=quiet, drawn=drawn)
            code = record.exit_code
        except (LakeError, TargetError) as error:  # the next configuration still gets its run
            print_error(error)
            code = error.exit_code
        first_failure = first_failure or code
    return first_failure


@click.command()
@config_option
@click.option("--catalog", metavar="FILE", help="The file to write. Default: catalog.json beside the config.")
@json_option
def discover(*, config: str | None, catalog: str | None, as_json: bool) -> None:
    """Ask the API for its streams, and write the catalog; selections already made are kept.

    \b
    Example:
      lake discover -c config.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.discover import discover as ask  # its imports are not for --help
    from lake.discover import to_stream_table
    from lake.foreign_tap import require_catalog_file, with_tap
    from lake.private_folder import private_folder
    from lake.project import require_tap

    project = open_project(config)
    require_tap(project)
    if catalog is None:
        require_catalog_file(project.foreign_tap)
    path = Path(catalog) if catalog else project.catalog_path
    with private_folder() as folder:
        found = ask(project.config_path, path, with_tap(chosen_programs(None), project.foreign_tap, folder))
    print_text(json.dumps(found) if as_json else to_stream_table(found, terminal=on_terminal()))
    click.echo(f"Wrote {path}.", err=True)


def _check_run_options(options: dict[str, Any]) -> None:
    """Refuse what would be ignored. Raises click.UsageError."""
    others = {"since": "--from", "until": "--to", "limit": "--limit"}
    for option, name in others.items():
        if options["full_refresh"] and options[option] is not None:
            raise click.UsageError(f"--full-refresh means nothing with {name}: it reads no bookmark.")


def _show_preview(project: Project, options: RunOptions, programs: Programs, *, as_json: bool) -> None:
    """Show what a trial of the tap gives: a table a stream, or one line of JSON."""
    from lake.preview import preview, to_preview_table  # its imports are not for --help

    found = preview(project, options, programs)
    if as_json:
        print_text(to_line(found))
        return
    tables = (to_preview_table(stream, records, terminal=on_terminal()) for stream, records in found.items())
    print_text("\n\n".join(tables))


def _run_one(
    project: Project,
    options: RunOptions,
    programs: Programs,
    show: Callable[[RunRecord, Project], None],
    *,
    quiet: bool,
    drawn: bool,
) -> RunRecord:
    """Run one configuration and show its end. Raises Stopped after a signal: no other one begins."""
    from lake.run import no_screen, run_source  # their imports are not for --help
    from lake.schedule.run_notices import telling_of
    from lake.screen import watched

    screen = watched if drawn else no_screen
    with telling_of(project, print_notice) as tell:
        record = run_source(project, options, programs, print_nothing if quiet else print_notice, screen)
        show(record, project)
        if record.outcome == "stopped":
            raise Stopped(record.exit_code - 128)
        tell(record)
    return record


def _print_summary(record: RunRecord, project: Project) -> None:
    from lake.rejects import read_rejected_of  # its imports are not for --help
    from lake.summary import Place, common_reasons, to_summary

    storage = project.storage()
    reasons = common_reasons(read_rejected_of(storage, record, _REJECTS_BYTES)) if record.rejected else []
    address = str(project.config_path) if project.s3 else storage.uri
    print_text(to_summary(record, Place(storage.uri, address), reasons, terminal=on_terminal()))


def _print_json(record: RunRecord, project: Project) -> None:
    from lake.summary import to_json  # its imports are not for --help

    print_text(to_json(record, project.storage().uri))
