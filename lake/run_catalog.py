"""A project and the streams that are asked for become the Singer catalog that a run's tap is given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.discover import discover
from lake.errors import UsageError
from lake.private_folder import write_private
from lake.selections import select_as_before_metadata
from lake.stream_catalog import check_names, read_stream_catalog, select_streams, selected_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lake.programs import Programs
    from lake.project import Project


@dataclass(frozen=True)
class RunCatalog:
    """Where a run's catalog comes from.

    Attributes:
        project: What is run.
        named: The file that the command line names; None for the project's own.
        streams: Take only these; empty: those the catalog selects.
    """

    project: Project
    named: Path | None
    streams: Sequence[str]

    @property
    def path(self) -> Path | None:
        """Return the catalog's file; None where it stands in the configuration, or the tap takes none."""
        if self.named is None and self._written in (None, True):
            return self.project.catalog_path
        return self.named

    def check(self) -> None:
        """Check, before anything is started, that the tap can be given these streams.

        Raises:
            UsageError: The catalog is missing, damaged, or has no such stream.
        """
        if self.named is None and self._written is False:
            if self.streams:
                raise _takes_no_catalog(self.project, "--stream")
            return
        if self.path is None or self.named or self.path.exists():  # a misspelt one is not made up
            check_names(self._read() or {"streams": []}, self.streams)

    def ensure(self, programs: Programs, notice: Callable[[str], None]) -> None:
        """Let the tap discover its streams if there is no catalog yet.

        Raises:
            DiscoveryError: It failed.
            UsageError: It knows no such streams.
        """
        path = self.path
        if path is not None and not path.exists():
            notice(f"Notice: there is no {path}; asking the tap for its streams to write it.")
            check_names(discover(self.project.config_path, path, programs), self.streams)

    def taken(self) -> list[str] | None:
        """Return the ids of the streams that the run takes; None if only the tap knows."""
        document = self._read()
        return None if document is None else list(self.streams) or selected_names(document)

    def give(self, programs: Programs, folder: Path) -> Path | None:
        """Return the catalog's file for the tap, if need be a new one in a private folder; None if it takes none.

        Raises:
            UsageError: No stream is selected for a foreign tap, most of which then do nothing and succeed.
        """
        document = self._read()
        if document is None:
            return None
        if programs.foreign and not self.taken():
            raise _nothing_selected(self.path, document)
        chosen = select_streams(document, self.streams) if self.streams else document
        if programs.foreign and programs.foreign.catalog_option == "--properties":
            chosen = select_as_before_metadata(chosen)
        if chosen is document and self.path is not None:
            return self.path
        return write_private(folder / "catalog.json", json.dumps(chosen))

    @property
    def _written(self) -> Any:
        """Return what a foreign tap's section says of its catalog: itself, False for none, True for a file."""
        tap = self.project.foreign_tap
        if tap is None or tap.catalog is None:
            return None
        return True if isinstance(tap.catalog, str) else tap.catalog

    def _read(self) -> dict[str, Any] | None:
        if self.path is not None:
            return read_stream_catalog(self.path)
        return dict(self._written) if self._written else None


def _takes_no_catalog(project: Project, option: str) -> UsageError:
    where = project.foreign_tap.where("/catalog") if project.foreign_tap else ""
    fix = 'leave the option out, or remove "catalog": false if the tap takes a catalog'
    return UsageError(f"{option} means nothing: the tap takes no catalog", where=where, fix=fix)


def _nothing_selected(path: Path | None, document: dict[str, Any]) -> UsageError:
    names = ", ".join(str(stream.get("tap_stream_id") or stream.get("stream")) for stream in document["streams"])
    fix = f'set "selected": true in its metadata, or name it with --stream; the streams are: {names or "none"}'
    return UsageError("no stream is selected", where=str(path or "the configuration's /tap/catalog"), fix=fix)
