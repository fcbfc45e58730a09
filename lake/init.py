"""What the tap found out about an API becomes a project's files: a configuration, a catalog, and schemas."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.errors import DiscoveryError, UsageError
from lake.pipe import read_output
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lake.programs import Programs

_REMOTE = "s3://"


@dataclass(frozen=True)
class Plan:
    """Where a new project goes.

    Attributes:
        config: The configuration to write; everything else in it is relative to its folder.
        catalog: The catalog to write.
        lake: Where the records are to land: a folder, or ``s3://bucket/prefix``.
        source: The name under which they land; None for what the API is called.
        force: Whether files that are there are replaced.
    """

    config: Path
    catalog: Path
    lake: str
    source: str | None
    force: bool


def check_free(plan: Plan, paths: Sequence[Path]) -> None:
    """Refuse to replace what is there.

    Raises:
        UsageError: A file is there, and may not be replaced; or a folder is missing.
    """
    for path in paths:
        if path.exists() and not plan.force:
            fix = "name other files with -c and --catalog, or replace them with --force"
            raise UsageError("this file is there already", where=str(path), fix=fix)
    for folder in {plan.config.absolute().parent, plan.catalog.absolute().parent}:
        if not folder.is_dir():
            raise UsageError("there is no such folder", where=str(folder), fix="make it first")


def ask_tap(arguments: Sequence[str], programs: Programs) -> dict[str, Any]:
    """Let the tap find out, on this terminal: it shows its requests, and may ask which streams are wanted.

    Raises:
        DiscoveryError: It failed, and said why on stderr.
    """
    code, output, _ = read_output(programs.draft(arguments), stdin=None)
    if code:
        raise DiscoveryError("nothing was written", exit_code=code, fix="see the message above")
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError as error:
        raise DiscoveryError(f"the tap printed no configuration: {error}", fix="this is a bug of the tap") from error
    return found


def write_project(plan: Plan, found: Mapping[str, Any]) -> list[Path]:
    """Write a project's files, the configuration last, and return their paths.

    A crash leaves some of them, each whole, and never a configuration without the files that it names.

    Raises:
        UsageError: A file has appeared meanwhile.
        StorageError: The folder cannot be written.
    """
    schemas = {plan.config.parent / name: schema for name, schema in found.get("files", {}).items()}
    contents = {**schemas, plan.catalog: found["catalog"], plan.config: to_config(plan, found)}
    check_free(plan, list(contents))
    for path, content in contents.items():
        _write(path, content, force=plan.force)
    return list(contents)


def to_config(plan: Plan, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sectioned configuration."""
    folder = plan.config.absolute().parent
    lake = plan.lake if plan.lake.startswith(_REMOTE) else _relative(plan.lake, folder)
    return {
        "tap": found["tap"],
        "target": {"path": lake, "source": plan.source or found["name"]},
        "lake": {"catalog": _relative(str(plan.catalog), folder)},
    }


def _relative(path: str, folder: Path) -> str:
    return path if os.path.isabs(path) else os.path.relpath(path, folder)  # noqa: PTH117 - "./lake" stays a text


def _write(path: Path, content: Mapping[str, Any], *, force: bool) -> None:
    """Write a file as a whole. Unless forced, one that has appeared meanwhile stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    except FileExistsError:
        raise UsageError("this file has just appeared", where=str(path), fix="replace it with --force") from None
    except OSError as error:
        fix = "choose another place with -c, or make this folder writable"
        raise StorageError(f"cannot write the file: {error.strerror}", where=str(path), fix=fix) from error
    finally:
        temporary.unlink(missing_ok=True)


def to_text(found: Mapping[str, Any], written: Sequence[str], config: str) -> str:
    """Tell a person what was found, what was not, and what to do next."""
    lines = ["Found:", *(f"  {item['what']}: {item['how']}" for item in found["found"])]
    if found["unsure"]:
        lines += ["", "Not sure of:"]
        for item in found["unsure"]:
            lines += [f"  {item['what']}: {item['why']}", f"    {item['fix']}"]
    lines += ["", f"Wrote {', '.join(written)}."]
    if unset := [name for name in found["variables"] if name not in os.environ]:
        lines.append(f"First set {', '.join(unset)} in the environment; only their names are in the file.")
    return "\n".join([*lines, "Next:", f"  {next_command(config)}"])


def next_command(config: str) -> str:
    """Return the command that reads the API into the lake."""
    return f"lake run -c {config}"
