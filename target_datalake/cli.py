"""``target-datalake``: Singer messages on stdin become Parquet in a lake, and STATE on stdout."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from target_datalake.config import load_config, load_schema
from target_datalake.errors import ConfigError, TargetError
from target_datalake.lean_start import start_lean
from target_datalake.log import FORMATS, LEVELS, escape, set_up_logging
from target_datalake.settings import to_settings

logger = logging.getLogger(__name__)

_BUG, _INTERRUPTED = 1, 130

_CAPABILITIES = ("about", "activate-version", "batch", "schema-validation", "state")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-c", "--config", "config_path", metavar="FILE", help='Configuration: flat, or with a section "target".')
@click.option("-s", "--state", "state_path", metavar="FILE", help="The state that the tap was started from.")
@click.option("--about", is_flag=True, help="Describe this program and its settings.")
@click.option(
    "--format", "about_format", type=click.Choice(["text", "json"]), default="text", help="How --about prints."
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--run-id", metavar="ID", help="For runners: the name of this run in the log.")
@click.option("--expected-parent", type=int, metavar="N", help="For runners: exit 7 if the log's head is not N.")
@click.option("--lock-fd", type=int, metavar="FD", help="For runners: a descriptor that holds the source's lock.")
@click.option("--tap-status-fd", type=int, metavar="FD", help="For runners: a pipe that tells the tap's exit code.")
@click.version_option(package_name="rest-datalake", prog_name="target-datalake")
def target_datalake(*, about: bool, about_format: str, **options: Any) -> int:
    """Write Singer messages from stdin into a data lake as Parquet, and each committed STATE to stdout.

    \b
    Example:
      tap-rest-api -c config.json --catalog catalog.json | target-datalake -c config.json > state.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    if about:
        click.echo(_about_json() if about_format == "json" else _about_text())
        return 0
    set_up_logging(options["log_level"], options["log_format"])
    if options["config_path"] is None:
        raise ConfigError("no configuration is given", fix="name a file: target-datalake --config config.json")
    config = load_config(options["config_path"])
    state = _read_state(options["state_path"]) if options["state_path"] else None
    start_lean()
    from target_datalake.run import Runner, run_target  # pyarrow takes 250 ms to import: not for --help

    run_id = options["run_id"] or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    runner = Runner(run_id, options["expected_parent"], options["lock_fd"], options["tap_status_fd"])
    return run_target(config, runner, state)


def main() -> None:
    """Run the command, and turn what went wrong into a message and an exit code."""
    try:
        code = target_datalake.main(standalone_mode=False)
    except TargetError as error:
        _print_error(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug ends here: shown in full, and never as the user's mistake
        traceback.print_exc()
        code = _BUG
    sys.exit(code)


def _print_error(error: TargetError) -> None:
    for line in error.show().split("\n"):
        click.echo(escape(line), err=True)


def _read_state(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
        state = json.loads(text)
    except OSError as error:
        fix = "check the path, or leave --state out: the lake knows where to go on"
        raise ConfigError(f"cannot read the state: {error.strerror}", where=path, fix=fix) from error
    except ValueError as error:
        raise ConfigError(
            "the state is not JSON",
            where=path,
            fix="it is one line that this target printed; `tail -n 1` keeps the last",
        ) from error
    if not isinstance(state, dict):
        raise ConfigError("the state is not a JSON object", where=path, fix="it is one line that this target printed")
    return text


def _about_json() -> str:
    schema = load_schema()
    about = {
        "name": "target-datalake",
        "description": "Singer messages as validated Parquet in a data lake, exactly once.",
        "version": _version(),
        "capabilities": list(_CAPABILITIES),
        "settings": schema,
        "options": to_settings(schema),
    }
    return json.dumps(about, indent=2)


def _about_text() -> str:
    settings = load_schema()["properties"]
    lines = [f"target-datalake {_version()}", "settings:"]
    lines += [f"  {name}: {setting.get('description', '')}".rstrip(": ") for name, setting in settings.items()]
    return "\n".join([*lines, f"capabilities: {', '.join(_CAPABILITIES)}"])


def _version() -> str:
    from importlib.metadata import version  # 40 ms: not for a run

    return version("rest-datalake")


if __name__ == "__main__":
    main()
