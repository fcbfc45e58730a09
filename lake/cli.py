"""``lake``: runs a tap into the lake, and shows what is in it."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake.errors import LakeError, Stopped, UsageError
from target_datalake.errors import TargetError
from target_datalake.log import LEVELS, escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lake.programs import Programs
    from lake.project import Project
    from lake.run import RunOptions
    from lake.runs import RunRecord

_BUG = 1

_REJECTS_BYTES = 4 << 20
"""The summary looks for the commonest reason in no more than this of rejected records."""

config_option = click.option("-c", "--config", "config", metavar="FILE", help="Default: config.json.")
lake_option = click.option("--lake", "address", metavar="PATH", help="A lake's folder or s3:// address, instead.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rest-datalake", prog_name="lake")
def lake() -> None:
    """Bring the records of a REST API into a data lake, exactly once, and look at them.

    \b
    Example:
      lake run -c config.json
      lake show diaper_reviews
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is


@lake.command()
@click.option("-c", "--config", "configs", multiple=True, metavar="FILE", help="Repeat it to run several in turn.")
@click.option("--catalog", metavar="FILE", help="The Singer catalog to use. Default: catalog.json beside the config.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="Take only this stream. Repeatable.")
@click.option("--full-refresh", is_flag=True, help="Read the streams anew, from their start; what landed stays.")
@json_option
@click.option("--quiet", is_flag=True, help="Print only what is wrong, as cron wants it.")
@click.option("--log-level", type=click.Choice(LEVELS), help="Of both programs' logs, on stderr. Default: info.")
def run(*, configs: tuple[str, ...], as_json: bool, quiet: bool, log_level: str | None, **options: Any) -> int:
    """Run the tap into the target, from where the lake left off.

    \b
    Example:
      lake run -c config.json --stream diaper_reviews
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.run import RunOptions  # its imports are not for --help

    catalog = Path(options["catalog"]) if options["catalog"] else None
    chosen = RunOptions(catalog, options["streams"], full_refresh=options["full_refresh"])
    programs = _programs(log_level or ("warning" if quiet else None))
    show = _print_nothing if quiet and not as_json else _print_json if as_json else _print_summary
    first_failure = 0
    for config in configs or (None,):
        try:
            record = _run_one(_project(config), chosen, programs, show, quiet=quiet)
            code = record.exit_code
        except (LakeError, TargetError) as error:  # the next configuration still gets its run
            _print_error(error)
            code = error.exit_code
        first_failure = first_failure or code
    return first_failure


@lake.command()
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
    from lake.project import require_tap

    project = _project(config)
    require_tap(project)
    path = Path(catalog) if catalog else project.catalog_path
    found = ask(project.config_path, path, _programs(None))
    _print(json.dumps(found) if as_json else to_stream_table(found, terminal=_on_terminal()))
    click.echo(f"Wrote {path}.", err=True)


@lake.command()
@config_option
@lake_option
@json_option
def status(*, config: str | None, address: str | None, as_json: bool) -> None:
    """Show the last run of each source, and how far it has come.

    \b
    Example:
      lake status --lake ./lake --json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import open_lake  # its imports are not for --help
    from lake.status import read_status, to_status_table

    statuses = read_status(open_lake(_address(config, address)), datetime.now(UTC))
    _print(_to_json(statuses) if as_json else to_status_table(statuses, terminal=_on_terminal()))


@lake.command()
@config_option
@lake_option
@json_option
def catalog(*, config: str | None, address: str | None, as_json: bool) -> None:
    """List the datasets of the lake.

    \b
    Example:
      lake catalog --lake s3://bucket/prefix
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.overview import read_overviews, to_catalog_table

    overviews = read_overviews(Catalog(_address(config, address)))
    _print(_to_json(overviews) if as_json else to_catalog_table(overviews, terminal=_on_terminal()))


@lake.command()
@click.argument("name")
@config_option
@lake_option
@click.option("--rows", type=click.IntRange(min=0), default=5, show_default=True, help="Rows to preview.")
@json_option
def show(*, name: str, config: str | None, address: str | None, rows: int, as_json: bool) -> None:
    """Show a dataset: what it is, its columns, and some of its rows.

    \b
    Example:
      lake show diaper_reviews --rows 3
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.overview import to_document, to_page

    dataset = Catalog(_address(config, address))[name]
    terminal = _on_terminal()
    _print(_to_json(to_document(name, dataset, rows)) if as_json else to_page(dataset, rows, terminal=terminal))


def main() -> None:
    """Run the command, and turn what went wrong into a message and an exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        code = lake.main(prog_name="lake", standalone_mode=False)
    except (LakeError, TargetError) as error:
        _print_error(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Stopped as order:
        code = 128 + order.number
    except Exception:  # noqa: BLE001 - a bug ends here: shown in full, and never as the user's mistake
        traceback.print_exc()
        code = _BUG
    sys.exit(code)


def _run_one(
    project: Project,
    options: RunOptions,
    programs: Programs,
    show: Callable[[RunRecord, Project], None],
    *,
    quiet: bool,
) -> RunRecord:
    """Run one configuration and show its end. Raises Stopped after a signal: no other one begins."""
    from lake.run import run_source  # its imports are not for --help

    record = run_source(project, options, programs, _print_nothing if quiet else _print_notice)
    show(record, project)
    if record.outcome == "stopped":
        raise Stopped(record.exit_code - 128)
    return record


def _print_summary(record: RunRecord, project: Project) -> None:
    from lake.rejects import read_rejected_of  # its imports are not for --help
    from lake.summary import Place, common_reasons, to_summary

    storage = project.storage()
    reasons = common_reasons(read_rejected_of(storage, record, _REJECTS_BYTES)) if record.rejected else []
    address = str(project.config_path) if project.s3 else storage.uri
    _print(to_summary(record, Place(storage.uri, address), reasons, terminal=_on_terminal()))


def _print_json(record: RunRecord, project: Project) -> None:
    from lake.summary import to_json  # its imports are not for --help

    _print(to_json(record, project.storage().uri))


def _print(text: str) -> None:
    """Print to stdout. A reader that has left ends the program as SIGPIPE would; click would make it exit code 1."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit's own flush fails again
        raise Stopped(signal.SIGPIPE) from None


def _print_nothing(*_: Any) -> None:
    """Print nothing."""


def _print_notice(text: str) -> None:
    click.echo(escape(text), err=True)


def _print_error(error: LakeError | TargetError) -> None:
    for line in error.show().split("\n"):
        click.echo(escape(line), err=True)


def _project(config: str | None) -> Project:
    from lake.project import find_config, load_project  # their imports are not for --help

    if config is not None:
        return load_project(Path(config))
    path = find_config(Path.cwd())
    if path.name != "config.json":
        _print_notice(f"Notice: there is no config.json; using {path.name}.")
    return load_project(path)


def _programs(log_level: str | None) -> Programs:
    from lake import programs  # the module, so that tests can put programs of their own in place of the two

    return programs.with_log_level(programs.PROGRAMS, log_level)


def _address(config: str | None, address: str | None) -> str | Path:
    if config is not None and address is not None:
        raise UsageError("-c and --lake both name a lake", where="--lake", fix="leave one of them out")
    return address if address is not None else _project(config).config_path


def _to_json(value: Any) -> str:
    import msgspec  # 20 ms, not for --help

    return msgspec.json.encode(value).decode()


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)


if __name__ == "__main__":
    main()
