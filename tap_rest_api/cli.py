"""Turns a command line into a run, and every way a run can end into a message and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tap_rest_api.errors import TapError
from tap_rest_api.stdout import Interrupted, Stdout, end_on_signals

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXIT_BUG = 1
_LEVELS = click.Choice(["debug", "info", "warning", "error"])
_OF_A_SYNC = {"since": "--from", "until": "--to", "limit": "--limit", "metric_seconds": "--metric-seconds"}
_DRAFTS = {"init": "url", "openapi": "openapi"}
_OF_A_DRAFT = {
    "auth": ("--auth", {"init", "openapi"}),
    "headers": ("--header", {"init", "openapi"}),
    "streams": ("--stream", {"init", "openapi"}),
    "server": ("--server", {"openapi"}),
    "take_all": ("--all", {"openapi"}),
}
_FORMATS = click.Choice(["text", "json"])


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-c", "--config", metavar="FILE", help="The configuration, a JSON file.")
@click.option("--catalog", metavar="FILE", help="Which streams and fields to read; all of them without it.")
@click.option("-s", "--state", metavar="FILE", help="Where the last run ended; the first run without it.")
@click.option("--from", "since", metavar="DATE", help="Read again from this date on; the bookmarks stay.")
@click.option("--to", "until", metavar="DATE", help="With or without --from: read up to this date, without it.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="A trial: N records a stream, and no STATE.")
@click.option("-d", "--discover", "mode", flag_value="discover", help="Print the catalog; --catalog's choices stay.")
@click.option("--test", "mode", flag_value="test", help="Fetch one page of each stream and print what came.")
@click.option("--init", "url", metavar="URL", help="Ask an endpoint a few things, and print a configuration for it.")
@click.option("--openapi", metavar="DOCUMENT", help="Print a configuration for what an OpenAPI file or URL describes.")
@click.option("--server", metavar="URL", help="Of --openapi: where the API is, instead of what the document says.")
@click.option("--auth", metavar="FORM", help="Of both: who asks, as bearer:env.TOKEN names a variable.")
@click.option("--header", "headers", multiple=True, metavar="LINE", help="Of both: 'X-Key: ${env.KEY}'. Repeatable.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="What to call the stream, or which to take.")
@click.option("--all", "take_all", is_flag=True, help="Of --openapi: take all streams.")
@click.option("--about", "mode", flag_value="about", help="Print what this tap can do.")
@click.option("--format", "form", type=_FORMATS, default="text", help="Of --test, --about, --init and --openapi.")
@click.option("--log-level", type=_LEVELS, default="info", show_default=True)
@click.option("--log-format", type=_FORMATS, default="text", show_default=True)
@click.option("--metric-seconds", type=click.FloatRange(min=0), metavar="N", help="Between METRIC lines. Default: 60.")
@click.version_option(package_name="rest-datalake", prog_name="tap-rest-api")
@click.pass_obj
def command(stdout: Stdout, /, mode: str | None, **options: Any) -> int:
    """Read a REST API that one JSON file describes, and write Singer messages to stdout.

    \b
    Example:
      tap-rest-api --config config.json --discover > catalog.json
      tap-rest-api --config config.json --catalog catalog.json | target-datalake --config config.json
      tap-rest-api --config config.json --limit 5
      tap-rest-api --config config.json --state state.json --from 2024-01-01 --to 2024-02-01
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    # Heavy: requests, singer and jsonschema cost 0.2 s, which --help need not pay.
    from tap_rest_api.run import Options, run

    mode = _mode(mode, options)
    if options["config"] is None and mode not in ("about", *_DRAFTS):
        raise click.UsageError("--config is missing.")
    for option, name in _OF_A_SYNC.items():
        if mode is not None and options[option] is not None:
            raise click.UsageError(f"{name} means nothing with --{mode}.")
    options["config"] = options["config"] or ""
    return run(mode or "sync", Options(**options), stdout)


def _mode(mode: str | None, options: Mapping[str, Any]) -> str | None:
    """Return the mode, that of a draft where one is asked for. Raises click.UsageError for what would be ignored."""
    drafts = [name for name, option in _DRAFTS.items() if options[option] is not None]
    for option, (name, meant) in _OF_A_DRAFT.items():
        if options[option] and not meant.intersection(drafts):
            raise click.UsageError(
                f"{name} means nothing without {' or '.join(f'--{each}' for each in sorted(meant))}."
            )
    if not drafts:
        return mode
    for name in ("config", "catalog", "state"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} means nothing with --{drafts[0]}, which prints a new configuration.")
    if len(drafts) > 1 or mode is not None:
        raise click.UsageError(f"--{drafts[0]} and --{mode or drafts[1]} are two things to do.")
    if drafts == ["init"] and len(options["streams"]) > 1:
        raise click.UsageError("--init asks one endpoint, which is one stream.")
    if options["take_all"] and options["streams"]:
        raise click.UsageError("--all and --stream contradict each other.")
    return drafts[0]


def main() -> None:
    """Run the command and end the process with its exit code."""
    stdout = Stdout()
    end_on_signals(stdout)
    sys.exit(_exit_code(stdout))


def _exit_code(stdout: Stdout) -> int:
    try:
        return int(command(obj=stdout, standalone_mode=False) or 0)
    except Interrupted as interruption:
        return interruption.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TapError as error:
        return _show(error)
    except Exception:  # noqa: BLE001 - the last resort: a bug, which must end in a log line and exit code 1
        return _show_bug()


def _show(error: TapError) -> int:
    from tap_rest_api.log import log_error  # loaded by now: only the run raises a TapError

    log_error(error)
    return error.exit_code


def _show_bug() -> int:
    from tap_rest_api.log import LOGGER  # as above

    LOGGER.critical("this is a bug in tap-rest-api, please report it", exc_info=True)
    return _EXIT_BUG


if __name__ == "__main__":
    main()
