"""A configuration file becomes all that can be known before a run: what is right, what is odd, what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.foreign_tap import with_tap
from lake.preflight.checks import Check, to_failure
from lake.preflight.lake_probe import check_lake
from lake.preflight.tap_trial import check_streams
from lake.preflight.variables import check_variables
from lake.private_folder import private_folder
from lake.project import load_project, require_tap
from lake.run_catalog import RunCatalog
from lake.stream_catalog import read_stream_catalog, selected_names
from target_datalake.config import read_document
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lake.foreign_tap import ForeignTap
    from lake.programs import Programs
    from lake.project import Project


def preflight(config: Path, programs: Programs, environment: Mapping[str, str]) -> Iterator[Check]:
    """Look at everything that a run of a configuration needs, in the order in which it has to be mended.

    Nothing lands, no STATE moves, and nothing stays behind.
    """
    try:
        document = read_document(str(config))
    except TargetError as error:
        yield to_failure("configuration", error)
        return
    variables = check_variables(document, environment)
    yield variables
    if variables.exit_code:
        return
    try:
        project = load_project(config)
        require_tap(project)
    except (LakeError, TargetError) as error:
        yield to_failure("configuration", error)
        return
    yield Check(what="configuration", found=str(config))
    yield from _check_tap(project, programs)
    yield from check_lake(project)


def _check_tap(project: Project, programs: Programs) -> Iterator[Check]:
    named = RunCatalog(project, None, ()).path
    path = named if named is not None and named.exists() else None
    if named is not None and path is None:
        yield Check(what="catalog", found=f"there is no {named} yet; the first run asks for it")
    if path is not None:
        try:
            catalog = read_stream_catalog(path)
        except LakeError as error:
            yield to_failure("catalog", error)
            return
        chosen = selected_names(catalog)
        found = f"{len(chosen)} of {len(catalog['streams'])} streams selected"
        fix = "" if chosen else f"set selected to true in {path}."
        yield Check(what="catalog", state="ok" if chosen else "warning", found=found, fix=fix)
    if project.foreign_tap is None:
        yield from check_streams(project.config_path, path, programs)
    else:
        yield _check_foreign(project.foreign_tap, programs)


def _check_foreign(tap: ForeignTap, programs: Programs) -> Check:
    """See that a tap that is not our own can be started; there is no common way to try what it reads."""
    try:
        with private_folder() as folder:
            with_tap(programs, tap, folder)
    except (LakeError, TargetError) as error:
        return to_failure("tap", error)
    return Check(what="tap", found=f"{tap.name} is there; what it reads is seen only in a run")


def to_json(checks: list[Check], code: int) -> str:
    """Return the checks as one object."""
    rows = [{field: getattr(check, field) for field in Check.__struct_fields__} for check in checks]
    return json.dumps({"checks": rows, "exit_code": code})
