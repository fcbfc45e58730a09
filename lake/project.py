"""A configuration file becomes a project: one source, the lake it lands in, and the catalog of its streams."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError
from lake.foreign_tap import read_foreign_tap
from target_datalake import config, layout
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lake.foreign_tap import ForeignTap
    from target_datalake.storage import Storage

DEFAULT_CONFIGS = ("config.json", "config.example.json")
"""What ``-c`` stands for when it is not given: the first of these in the working folder."""


@dataclass(frozen=True)
class Project:
    """What a configuration file says about a source.

    Attributes:
        config_path: The file, as both programs are given it.
        source: The name under which its records land.
        lake: The lake's address: a folder, or ``s3://bucket/prefix``.
        catalog_path: Where its Singer catalog stands, or will once it is discovered.
        s3: The target's S3 options.
        zones_path: The folder of the SQL and Python files that define the clean and the business zone.
        has_tap: Whether the file has a ``tap`` section, so that it can be run.
        schedule: The entries of its schedule, as `lake.schedule.entries` reads them.
        freshness: How old each dataset may be, as an age.
        notify: Whom to tell when something fails, its ``${env.X}`` not yet replaced: only who tells needs them.
        foreign_tap: The tap that its section names a command of; None if it is our own.
        spark: Where `lake build --engine spark` runs: its master, and its settings.
    """

    config_path: Path
    source: str
    lake: str
    catalog_path: Path
    s3: dict[str, Any] = field(default_factory=dict)
    zones_path: Path = Path("zones")
    has_tap: bool = True
    schedule: tuple[dict[str, Any], ...] = ()
    freshness: dict[str, str] = field(default_factory=dict)
    notify: dict[str, Any] = field(default_factory=dict)
    foreign_tap: ForeignTap | None = None
    spark: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str, str]:
        """Return what no two projects that run together may share: the lake, wherever links lead, and the source."""
        if self.lake.startswith("s3://"):
            return self.lake.rstrip("/"), str(self.s3.get("endpoint_url", "")), self.source
        return str(Path(self.lake).resolve()), "", self.source

    def storage(self) -> Storage:
        """Open the lake as its source's writer does."""
        return open_storage(self.lake, scratch=layout.encode_name(self.source), s3=self.s3)


def find_config(folder: Path) -> Path:
    """Return the configuration file that a command uses when none is named.

    Raises:
        UsageError: The folder has none of the usual names.
    """
    for name in DEFAULT_CONFIGS:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"there is no {DEFAULT_CONFIGS[0]} here",
        where=str(folder),
        fix="name a configuration file with -c, or go to the folder that has one; `lake init URL` writes one",
    )


def load_project(path: Path) -> Project:
    """Read a configuration file, sectioned, or flat as the target's own.

    Raises:
        TargetError: The file is missing, malformed, or its ``target`` or ``lake`` section is wrong.
    """
    options = config.load_config(str(path))
    document = config.read_document(str(path))
    sectioned = any(name in document for name in config.SECTIONS)
    if sectioned:
        _check_sections(document, path)
    section = read_section(document, str(path)) if sectioned else {}
    foreign_tap = read_foreign_tap(document, path)
    return Project(
        config_path=path,
        source=options.source,
        lake=options.path,
        catalog_path=path.absolute().parent / _catalog_name(section, foreign_tap),
        s3=options.s3,
        zones_path=path.absolute().parent / section.get("zones", "zones"),
        has_tap="tap" in document,
        schedule=tuple(section.get("schedule", ())),
        freshness=section.get("freshness", {}),
        notify=section.get("notify", {}),
        foreign_tap=foreign_tap,
        spark=section.get("spark", {}),
    )


def _check_sections(document: Mapping[str, Any], path: Path) -> None:
    """Refuse what is beside the sections: a section whose name is misspelt would be passed over."""
    known = ["$schema", *config.SECTIONS]
    for key in document:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            fix = f'did you mean "{near[0]}"?' if near else f"the keys here are: {', '.join(known)}"
            raise UsageError(f'unknown key "{key}"', where=f"{path} /{key}", fix=fix)


def _catalog_name(section: dict[str, Any], foreign_tap: ForeignTap | None) -> str:
    if foreign_tap is None or foreign_tap.catalog is None:
        return str(section.get("catalog", "catalog.json"))
    if "catalog" in section:
        fix = 'leave "catalog" out of the section "lake"'
        raise UsageError("two catalogs are configured", where=foreign_tap.where("/catalog"), fix=fix)
    return foreign_tap.catalog if isinstance(foreign_tap.catalog, str) else "catalog.json"


def read_section(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the checked ``lake`` section of a sectioned file; ``notify`` keeps its ``${env.X}``."""
    written = document.get("lake", {})
    section: Any = (
        config.expand(written, path, "/lake")
        if not isinstance(written, dict)
        else {
            key: value if key == "notify" else config.expand(value, path, f"/lake/{key}")
            for key, value in written.items()
        }
    )
    schema = json.loads(files("lake").joinpath("config.schema.json").read_text("utf-8"))
    config.check(section, schema, path, "/lake")
    return dict(section)


def check_sources_differ(projects: Iterable[Project]) -> None:
    """Check that each project has a source of its own: two that share one would undo each other's bookmarks.

    Raises:
        UsageError: Two configurations name the same source of the same lake.
    """
    seen: dict[tuple[str, str, str], Project] = {}
    for project in projects:
        first = seen.setdefault(project.place, project)
        if first is not project:
            raise UsageError(
                f"two configurations land source {project.source!r} in one lake: {first.config_path} and "
                f"{project.config_path}",
                where=f"{project.config_path} /target/source",
                fix='give each its own "source", or name the configuration once',
            )


def require_options(project: Project, options: Sequence[str]) -> None:
    """Check that a project's tap understands what it is to be told on its command line.

    Raises:
        UsageError: It is a foreign tap, and has no such options.
    """
    if project.foreign_tap is not None and options:
        name = project.foreign_tap.name
        raise UsageError(
            f"{options[0]} is an option of tap-rest-api, and {name} would not heed it",
            where=project.foreign_tap.where("/command"),
            fix=f"leave it out; see what {name}'s own configuration offers",
        )


def require_tap(project: Project) -> None:
    """Check that a project can be run.

    Raises:
        UsageError: Its file has no ``tap`` section.
    """
    if not project.has_tap:
        raise UsageError(
            "this configuration says nothing about a tap",
            where=f"{project.config_path} /tap",
            fix='give the file the sections "tap" and "target"; `lake init URL` writes one with both',
        )
