"""A lake becomes a catalog: its datasets, by name.

from lake import Catalog
catalog = Catalog("./lake")
catalog["diaper_reviews"].read()
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.dataset import Dataset
from lake.errors import NotALakeError, UnknownDatasetError
from lake.history import History, read_histories, read_zone_histories, require_lake
from lake.notebook import catalog_html
from lake.project import load_project
from target_datalake import layout
from target_datalake.config import check_s3
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.storage import Storage


class Catalog(Mapping[str, Dataset]):
    """The datasets of a lake.

    A stream goes by its name, by ``landing.<stream>`` or by ``landing.<source>.<stream>``; only the last tells two
    sources apart that have a stream of one name. What a build made goes by ``clean.<dataset>`` or
    ``business.<dataset>``. A bare name means landing, then clean, then business.

    Args:
        address: A lake's folder, ``s3://bucket/prefix``, or a configuration file that names one of them.
        s3: The target's S3 options, for an address on S3; a configuration file brings its own.

    Raises:
        NotALakeError: Nothing ever landed there.
        TargetError: The configuration or the store cannot be used.
    """

    def __init__(self, address: str | Path, *, s3: Mapping[str, Any] | None = None) -> None:
        self._begin(open_lake(address, s3))

    @classmethod
    def over(cls, storage: Storage) -> Catalog:
        """Return the datasets of a lake whose storage is open already."""
        catalog = cls.__new__(cls)
        catalog._begin(storage)  # noqa: SLF001 - its own
        return catalog

    def _begin(self, storage: Storage) -> None:
        self._storage = storage
        self._histories: dict[str, History] = {}
        self._listed: list[Dataset] = []

    @property
    def uri(self) -> str:
        """Return the lake's address."""
        return self._storage.uri

    def __getitem__(self, name: str) -> Dataset:
        found = _find(name, self._listed)
        if len(found) != 1:  # it may have landed since the lake was last listed
            found = _find(name, self.datasets())
        if len(found) != 1:
            raise _unknown(name, found, name_datasets(self._listed), self.uri)
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter(name_datasets(self.datasets()))

    def __len__(self) -> int:
        return len(self.datasets())

    def datasets(self) -> list[Dataset]:
        """Return every dataset: of the landing zone by source and stream, then of the other zones by name."""
        self._listed = [
            Dataset(self._storage, history, stream)
            for history in (*self.histories(), *self.zone_histories())
            for stream in sorted(_streams(history))
        ]
        return self._listed

    def histories(self) -> list[History]:
        """Return the log of each source, by its name."""
        return [self._kept(history) for history in read_histories(self._storage)]

    def zone_histories(self) -> list[History]:
        """Return the log of each dataset of the clean and the business zone, by zone and name."""
        return [self._kept(history) for history in read_zone_histories(self._storage)]

    def _kept(self, history: History) -> History:
        """Return the history of the same log that was read before, if one was: entries are read once."""
        return self._histories.setdefault(history.source, history)

    def __repr__(self) -> str:
        return f"<Catalog {self.uri}: {', '.join(self) or 'no datasets yet'}>"

    def _repr_html_(self) -> str:
        """Show the datasets in a notebook."""
        facts = {name: dataset.facts() for name, dataset in self.items()}
        return catalog_html(self.uri, ((name, each, self[name].outline(each)) for name, each in facts.items()))


def open_lake(address: str | Path, s3: Mapping[str, Any] | None = None, *, source: str | None = None) -> Storage:
    """Open the storage of a lake by its address, or by a configuration file that names it.

    Args:
        address: A lake's folder, ``s3://bucket/prefix``, or a configuration file.
        s3: The target's S3 options, for an address on S3.
        source: Whose files are to be written; None for reading.

    Raises:
        NotALakeError: There is no such folder, or no lake in it.
        TargetError: The configuration or the store cannot be used.
    """
    storage = _storage_at(str(address), s3, layout.owner_folder(source) if source else "readers")
    require_lake(storage)
    return storage


def _storage_at(text: str, s3: Mapping[str, Any] | None, scratch: str) -> Storage:
    if s3 is not None:
        check_s3(text, s3, "s3")
    if text.startswith("s3://"):
        return open_storage(text, scratch=scratch, s3=s3)
    path = Path(text)
    if path.is_file():
        project = load_project(path)
        return open_storage(project.lake, scratch=scratch, s3=project.s3)
    if not path.is_dir():
        fix = "check the path; `lake run` makes the lake when the first records land"
        raise NotALakeError("there is no such folder or configuration file", where=text, fix=fix)
    return open_storage(text, scratch=scratch)


def _streams(history: History) -> list[str]:
    commits = history.commits()
    return list(commits[-1].schemas) if commits else []


def name_datasets(datasets: list[Dataset]) -> dict[str, Dataset]:
    """Return each dataset under the shortest of its names that no other has; above landing that is its full name."""
    streams = Counter(dataset.stream for dataset in datasets if dataset.zone == "landing")
    return {
        dataset.stream if dataset.zone == "landing" and streams[dataset.stream] == 1 else dataset.name: dataset
        for dataset in datasets
    }


def _find(name: str, datasets: list[Dataset]) -> list[Dataset]:
    found = [dataset for dataset in datasets if name in _names(dataset)]
    exact = [dataset for dataset in found if dataset.name == name]
    nearest = next((zone for zone in ("landing", *layout.ZONES) if any(each.zone == zone for each in found)), "")
    return exact or [dataset for dataset in found if dataset.zone == nearest]


def _names(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.stream, f"{dataset.zone}.{dataset.stream}", dataset.name


def _unknown(name: str, found: list[Dataset], named: Mapping[str, Dataset], uri: str) -> UnknownDatasetError:
    if found:
        names = ", ".join(dataset.name for dataset in found)
        return UnknownDatasetError(f"more than one dataset is named {name!r}", where=uri, fix=f"use one of: {names}")
    aliases = {alias: shown for shown, dataset in named.items() for alias in _names(dataset)}
    near = dict.fromkeys(aliases[alias] for alias in difflib.get_close_matches(str(name), aliases, n=3))
    fix = f"did you mean {' or '.join(map(repr, near))}?" if near else f"the datasets are: {', '.join(named) or 'none'}"
    return UnknownDatasetError(f"there is no dataset {name!r}", where=uri, fix=fix)
