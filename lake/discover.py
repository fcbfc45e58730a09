"""The tap's discovery becomes a project's catalog file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from lake.errors import DiscoveryError
from lake.processes import exit_code_of, signal_tap, start_tap
from lake.selections import keep_selections, select_undecided
from lake.stream_catalog import is_selected, parse_stream_catalog, read_stream_catalog, root_metadata, stream_name
from lake.text import to_table
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from lake.programs import Programs


def discover(config: Path, catalog: Path, programs: Programs) -> dict[str, Any]:
    """Ask the tap for its streams, write the catalog, and return it.

    The tap is shown the catalog that is there, so that selections are kept; with a foreign one we see to that
    ourselves. A failure leaves the file as it was.

    Raises:
        DiscoveryError: The tap failed, and said why on stderr.
        UsageError: It cannot be started, or the catalog that is there is damaged.
        StorageError: The file cannot be written.
    """
    known = catalog.exists()
    before = read_stream_catalog(catalog) if programs.foreign and known else None
    code, output = _read_output(programs.discover(config, catalog if known else None), programs.tap_folder)
    if code:
        fix = "its own message is above"
        if programs.foreign:
            fix += '; a tap that has no discovery is given a catalog by "catalog", or "catalog": false if it takes none'
        raise DiscoveryError("the tap could not discover its streams", exit_code=code, fix=fix)
    try:
        found = parse_stream_catalog(output)
    except ValueError as error:
        fix = "this is a bug of the tap; the old catalog is unchanged"
        raise DiscoveryError(f"the tap printed no catalog: {error}", fix=fix) from error
    if programs.foreign:
        found = keep_selections(found, before) if before else select_undecided(found)
    write_stream_catalog(catalog, found)
    return found


def _read_output(command: list[str], folder: Path | None) -> tuple[int, bytes]:
    with start_tap(command, stdout=subprocess.PIPE, cwd=folder) as process:
        try:
            output, _ = process.communicate()
        except BaseException:  # a signal: the tap must not go on alone
            signal_tap(process, signal.SIGKILL)
            raise
    return exit_code_of(process.returncode), output


def write_stream_catalog(path: Path, stream_catalog: dict[str, Any]) -> None:
    """Write or replace a catalog file. A crash leaves the old file, or the new one.

    Raises:
        StorageError: The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(stream_catalog, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        fix = "choose another place with --catalog, or make this folder writable"
        raise StorageError(f"cannot write the catalog: {error.strerror}", where=str(path), fix=fix) from error


def to_stream_table(stream_catalog: dict[str, Any], *, terminal: bool) -> str:
    """Return the streams of a catalog as a table."""
    rows = [_row(stream) for stream in stream_catalog["streams"]]
    if not rows:
        return "The tap has no streams."
    return to_table(("stream", "selected", "key", "replication", "fields"), rows, right=("fields",), terminal=terminal)


def _row(stream: dict[str, Any]) -> tuple[str, ...]:
    metadata = root_metadata(stream)
    key = metadata.get("table-key-properties") or stream.get("key_properties") or []
    replication = metadata.get("replication-key") or stream.get("replication_key") or "-"
    fields = (stream.get("schema") or {}).get("properties") or {}
    selected = "yes" if is_selected(stream) else "no"
    return stream_name(stream), selected, ", ".join(map(str, key)) or "-", str(replication), str(len(fields))
