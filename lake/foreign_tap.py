"""A configuration's ``tap`` section that names a command becomes a Singer tap which nobody here wrote, ready to start.

Its own configuration is filled in and stands in a private file; it is started in the configuration file's folder, so
that the relative paths in its options count from there, wherever ``lake run`` was started.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import UsageError
from lake.private_folder import write_private
from lake.programs import ForeignProgram
from target_datalake import config
from target_datalake.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lake.programs import Programs

_REFERENCE = re.compile(r"\$\{(?P<group>env|vars)\.(?P<name>[^{}]*)\}")


@dataclass(frozen=True)
class ForeignTap:
    """A tap that is not our own, as its section describes it.

    Attributes:
        written: The section, checked; its ``${…}`` as they stand in the file.
        config_path: The file it stands in.
    """

    written: dict[str, Any] = field(repr=False)
    config_path: Path

    @property
    def name(self) -> str:
        """Return what the tap is called in messages and run records: its program, without folders or arguments."""
        return str(self.written["command"][0]).rstrip("/").rpartition("/")[2]

    @property
    def catalog(self) -> str | dict[str, Any] | Literal[False] | None:
        """Return a path, the catalog itself, False for a tap that takes none, or None if nothing is said."""
        catalog: str | dict[str, Any] | Literal[False] | None = self.written.get("catalog")
        return catalog

    def where(self, pointer: str = "") -> str:
        """Point at a place of the section."""
        return f"{self.config_path} /tap{pointer}"


def read_foreign_tap(document: Mapping[str, Any], config_path: Path) -> ForeignTap | None:
    """Return the tap that a configuration drives by its command; None if its tap is our own.

    Raises:
        ConfigError: The section says something impossible.
    """
    section = document.get("tap")
    if not isinstance(section, dict) or "command" not in section:
        return None
    if "state" in section:
        fix = "the lake holds the state: `lake state --set FILE` brings one along from elsewhere"
        raise ConfigError("a tap's state is not configured", where=f"{config_path} /tap/state", fix=fix)
    schema = json.loads(files("lake").joinpath("foreign_tap.schema.json").read_text("utf-8"))
    config.check(section, schema, str(config_path), "/tap")
    return ForeignTap(section, config_path)


def with_tap(programs: Programs, tap: ForeignTap | None, folder: Path) -> Programs:
    """Return programs of which the tap is a foreign one, and write its configuration into a private folder.

    Raises:
        UsageError: Its program cannot be found or executed.
        ConfigError: Its configuration cannot be filled in.
    """
    if tap is None:
        return programs
    path = write_private(folder / "config.json", json.dumps(_fill_in(tap)))
    option = tap.written.get("catalog_option", "--catalog")
    program = ForeignProgram(_to_command(tap), path, option, tap.config_path.absolute().parent)
    return replace(programs, foreign=program)


def _to_command(tap: ForeignTap) -> tuple[str, ...]:
    name, *arguments = tap.written["command"]
    for index, text in enumerate((name, *arguments)):
        if _REFERENCE.search(text):
            raise UsageError(
                "a command line is not filled in, since everybody on the machine can read it",
                where=tap.where(f"/command/{index}"),
                fix='put what is secret into the tap\'s "config"',
            )
    return (_find_program(name, tap), *arguments)


def _find_program(name: str, tap: ForeignTap) -> str:
    folder, where = tap.config_path.absolute().parent, tap.where("/command/0")
    if "/" not in name:
        if found := shutil.which(name):
            return os.path.abspath(found)  # noqa: PTH100 - a link is left as it is: environments are found by it
        beside = f', or ["./{name}"] for the file beside the configuration' if (folder / name).is_file() else ""
        fix = f"install the tap into an environment of its own and name its program's path{beside}"
        raise UsageError(f'there is no program "{name}" on the PATH', where=where, fix=fix)
    path = folder / name
    if not path.is_file():
        raise UsageError(f"there is no program {path}", where=where, fix="a path counts from the configuration file")
    if not os.access(path, os.X_OK):
        fix = f'chmod +x {path}; or name what runs it: ["python3", "{name}"]'
        raise UsageError(f"{path} may not be executed", where=where, fix=fix)
    return str(path)


def _fill_in(tap: ForeignTap) -> Any:
    """Return the tap's configuration, with the values of its ``${env.X}`` and ``${vars.x}``."""
    variables = _expand(tap.written.get("vars", {}), tap, "/vars", {})
    return _expand(tap.written.get("config", {}), tap, "/config", variables)


def _expand(value: Any, tap: ForeignTap, pointer: str, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, tap, f"{pointer}/{key}", variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, tap, f"{pointer}/{index}", variables) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):  # keeps its type
        return _value_of(whole, tap, pointer, variables)
    return _REFERENCE.sub(lambda match: _to_text(_value_of(match, tap, pointer, variables)), value)


def _value_of(match: re.Match[str], tap: ForeignTap, pointer: str, variables: Mapping[str, Any]) -> Any:
    group, name = match["group"], match["name"]
    known: Mapping[str, Any] = os.environ if group == "env" else variables
    if name in known:
        return known[name]
    if group == "env":
        fix = f"export {name}=…, then run again"
        raise ConfigError(f"the environment variable {name} is not set", where=tap.where(pointer), fix=fix)
    near = difflib.get_close_matches(name, known, n=1)
    fix = f'did you mean "{near[0]}"?' if near else 'add it under "vars", beside "command"'
    raise ConfigError(f"${{vars.{name}}} is not defined", where=tap.where(pointer), fix=fix)


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def require_catalog_file(tap: ForeignTap | None) -> None:
    """Check that what is discovered has a file to go to.

    Raises:
        UsageError: The catalog stands in the configuration, or the tap takes none.
    """
    if tap is not None and tap.catalog is not None and not isinstance(tap.catalog, str):
        stands = "the tap takes no catalog" if tap.catalog is False else "the catalog stands in the configuration"
        fix = 'name a file to write with --catalog, or in "catalog"'
        raise UsageError(f"{stands}: nothing is written there", where=tap.where("/catalog"), fix=fix)
