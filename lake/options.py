"""Options that commands share become a project, an address or a pair of programs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake.errors import LakeError, UsageError
from lake.terminal import print_notice
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lake.programs import Programs
    from lake.project import Project

_ENV_FILE = "lake.env_file"
"""Under this name the command's context keeps the environment file that was read."""


def _load_env_file(context: click.Context, _option: click.Parameter, path: str | None) -> None:
    from lake.env_file import load_env_file  # not for --help

    if path is None:
        return
    context.meta[_ENV_FILE] = Path(path).absolute()
    if load_env_file(Path(path), os.environ):
        print_notice(f"Warning: everybody on this machine may read {path}; chmod 600 it.")


env_file_option = click.option(
    "--env-file",
    metavar="FILE",
    is_eager=True,  # before anything reads the environment
    expose_value=False,
    callback=_load_env_file,
    help="Read variables for ${env.X} from NAME=value lines.",
)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command -c and --env-file."""
    option = click.option("-c", "--config", "config", metavar="FILE", help="Default: config.json.")
    return option(env_file_option(command))


def env_file_arguments() -> list[str]:
    """Return the arguments with which `lake` reads the environment file that this command was given."""
    path = click.get_current_context().meta.get(_ENV_FILE)
    return ["--env-file", str(path)] if path else []


lake_option = click.option("--lake", "address", metavar="PATH", help="A lake's folder or s3:// address, instead.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_project(config: str | None) -> Project:
    """Return the project of `-c`, or that of the working folder.

    Raises:
        UsageError: None is named, and the folder has none.
        TargetError: The configuration cannot be used.
    """
    from lake.project import find_config, load_project  # their imports are not for --help

    if config is not None:
        return load_project(Path(config))
    path = find_config(Path.cwd())
    if path.name != "config.json":
        print_notice(f"Notice: there is no config.json; using {path.name}.")
    return load_project(path)


def check_apart(configs: Sequence[str]) -> None:
    """Refuse configurations that share a source; one that cannot be read is left for its own run to complain of.

    Raises:
        UsageError: Two of them land one source in one lake.
    """
    from lake.project import check_sources_differ, load_project  # their imports are not for --help

    projects = []
    for config in configs if len(configs) > 1 else ():
        with contextlib.suppress(LakeError, TargetError):
            projects.append(load_project(Path(config)))
    check_sources_differ(projects)


def chosen_programs(log_level: str | None) -> Programs:
    """Return how the tap and the target are started; None leaves their log level to them."""
    from lake import programs  # the module, so that tests can put programs of their own in place of the two

    return programs.with_log_level(programs.PROGRAMS, log_level)


def lake_address(config: str | None, address: str | None) -> str | Path:
    """Return the lake that `--lake` names, or the configuration file that names it. Raises UsageError."""
    if config is not None and address is not None:
        raise UsageError("-c and --lake both name a lake", where="--lake", fix="leave one of them out")
    return address if address is not None else open_project(config).config_path
