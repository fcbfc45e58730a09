"""``lake init``, ``lake check``, ``lake schema``: the commands that come before a project's first run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from lake.options import chosen_programs, config_option, env_file_option, json_option
from lake.terminal import on_terminal, print_text
from lake.terminal import to_json as to_line


@click.command()
@click.argument("url", required=False)
@click.option("--auth", metavar="FORM", help="Who asks: bearer:env.TOKEN, basic:env.USER:env.PASSWORD, …")
@click.option("--header", "headers", multiple=True, metavar="LINE", help="As in 'X-Key: ${env.KEY}'. Repeatable.")
@click.option("--openapi", metavar="DOCUMENT", help="Instead of a URL: the file or URL of an OpenAPI document.")
@click.option("--server", metavar="URL", help="Of --openapi: where the API is, instead of what the document says.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="What to call the stream, or which to take.")
@click.option("--all", "take_all", is_flag=True, help="Of --openapi: take all streams.")
@click.option("-c", "--config", default="config.json", show_default=True, metavar="FILE", help="The file to write.")
@env_file_option
@click.option("--catalog", metavar="FILE", help="The catalog to write. Default: catalog.json beside the config.")
@click.option("--lake", "address", default="./lake", show_default=True, metavar="PATH", help="Where records land.")
@click.option("--source", metavar="NAME", help="The name under which they land. Default: as the API is called.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@json_option
def init(*, url: str | None, config: str, catalog: str | None, as_json: bool, **options: Any) -> None:
    """Find out how an API works, and write the configuration for it.

    \b
    Example:
      lake init https://api.example.com/v1/orders --auth bearer:env.TOKEN
      lake init --openapi https://api.example.com/openapi.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.init import Plan, ask_tap, check_free, next_command, to_text, write_project  # not for --help

    if (url is None) == (options["openapi"] is None):
        raise click.UsageError("name an endpoint, https://api.example.com/v1/orders, or --openapi DOCUMENT.")
    if url is not None and (options["server"] or options["take_all"]):
        raise click.UsageError("--server and --all belong to --openapi.")
    path = Path(config)
    beside = Path(catalog) if catalog else path.with_name("catalog.json")
    plan = Plan(path, beside, options["address"], options["source"], options["force"])
    check_free(plan, [plan.config, plan.catalog])
    found = ask_tap(_arguments(url, options), chosen_programs(None))
    written = [str(file) for file in write_project(plan, found)]
    if as_json:
        print_text(to_line({**found, "written": written, "next": next_command(config)}))
    else:
        print_text(to_text(found, written, config))


@click.command()
@config_option
@json_option
def check(*, config: str | None, as_json: bool) -> int:
    """Look at all that a run needs: configuration, credentials, one page a stream, storage, clock, room.

    \b
    Example:
      lake check -c config.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.preflight.checks import exit_code, to_text  # their imports are not for --help
    from lake.preflight.preflight import preflight, to_json
    from lake.project import find_config

    path = Path(config) if config is not None else find_config(Path.cwd())
    checks = list(preflight(path, chosen_programs(None), os.environ))
    code = exit_code(checks)
    print_text(to_json(checks, code) if as_json else to_text(checks, terminal=on_terminal()))
    return code


@click.command()
@click.argument("part", type=click.Choice(["tap", "target", "lake", "config"]))
def schema(*, part: str) -> None:
    """Print the JSON Schema of a section of a configuration, or of the whole file: config.

    \b
    Example:
      lake schema config > config.schema.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.config_schemas import load_config_schema  # its imports are not for --help

    print_text(json.dumps(load_config_schema(part, chosen_programs(None)), indent=2, ensure_ascii=False))


def _arguments(url: str | None, options: dict[str, Any]) -> list[str]:
    """Return what the tap is asked to do."""
    given = {"--init": url, "--openapi": options["openapi"], "--server": options["server"], "--auth": options["auth"]}
    single = [part for name, value in given.items() if value is not None for part in (name, value)]
    headers = [part for line in options["headers"] for part in ("--header", line)]
    streams = [part for name in options["streams"] for part in ("--stream", name)]
    return [*single, *headers, *streams, *(["--all"] if options["take_all"] else [])]
