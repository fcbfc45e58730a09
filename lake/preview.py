"""A project's tap becomes a preview: a few records of each stream, to look at; nothing lands, no target is started."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lake.errors import PreviewError
from lake.processes import exit_code_of, start
from lake.project import require_options, require_tap
from lake.stream_catalog import check_names, read_stream_catalog, select_streams
from lake.text import shorten, to_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lake.programs import Programs
    from lake.project import Project
    from lake.run import RunOptions

Fields = dict[str, msgspec.Raw]
Preview = dict[str, list[Fields]]
"""The records of each stream, each field as the tap wrote it; an empty list where there are none."""

_CELL_CHARACTERS = 40


class _Message(msgspec.Struct):
    type: str = ""
    stream: str = ""
    record: Fields = {}


def preview(project: Project, options: RunOptions, programs: Programs) -> Preview:
    """Start the tap for a trial, and return what it sent.

    Raises:
        LakeError: The catalog cannot be used; PreviewError, with the tap's exit code, if it failed.
    """
    require_tap(project)
    require_options(project, options.tap_options())
    with tempfile.TemporaryDirectory(prefix="lake-run-") as folder:
        catalog = _catalog(project, options, Path(folder))
        command = programs.sync(project.config_path, catalog, None, options.tap_options())
        process = start(command, stdout=subprocess.PIPE)
        try:
            found = _gather(process.stdout or ())
            code = exit_code_of(process.wait())
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    if code:
        raise PreviewError("the tap failed; its own messages say why", exit_code=code)
    return found


def _catalog(project: Project, options: RunOptions, folder: Path) -> Path | None:
    """Return the catalog to give to the tap; None lets it look for its streams itself, and writes none."""
    path = options.catalog or project.catalog_path
    if options.catalog is None and not path.exists() and not options.streams:
        return None
    document = read_stream_catalog(path)
    check_names(document, options.streams)
    if not options.streams:
        return path
    chosen = folder / "catalog.json"
    chosen.write_text(json.dumps(select_streams(document, options.streams)), encoding="utf-8")
    return chosen


def _gather(lines: Iterable[bytes]) -> Preview:
    found: Preview = {}
    for line in lines:
        try:
            message = msgspec.json.decode(line, type=_Message)
        except msgspec.DecodeError:
            raise PreviewError("the tap printed what is no Singer message", exit_code=1) from None
        if message.type == "SCHEMA":
            found.setdefault(message.stream, [])
        elif message.type == "RECORD":
            found.setdefault(message.stream, []).append(message.record)
    return found


def to_preview_table(stream: str, records: Sequence[Fields], *, terminal: bool) -> str:
    """Lay a stream's records out as a table; what is no text stands as its JSON."""
    title = f"{stream}: {len(records)} record{'' if len(records) == 1 else 's'}"
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        return title
    rows = [[_to_cell(record.get(name)) for name in names] for record in records]
    return f"{title}\n{to_table(names, rows, right=(), terminal=terminal)}"


def _to_cell(value: msgspec.Raw | None) -> str:
    text = "" if value is None else bytes(value).decode("utf-8", "replace")
    if text.startswith('"'):
        text = str(json.loads(text))
    return shorten("" if text == "null" else text, _CELL_CHARACTERS)
