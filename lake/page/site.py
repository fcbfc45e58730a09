"""A lake becomes the files of a site: a page for each dataset, and one that leads to them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.catalog import name_datasets
from lake.dataset import Dataset
from lake.errors import LakeError
from lake.page.card import to_card
from lake.page.facts import LANDING
from lake.page.lineage import Graph, Node
from lake.page.names import page_path, to_href
from lake.page.render import LakeTitle, read_assets, render_dataset, render_index
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lake.history import History
    from lake.page.card import Card
    from lake.page.facts import Reader

INDEX = "index.html"


@dataclass(frozen=True)
class Shown:
    """What a site shows: each dataset at a glance, and for each source whose log cannot be read, why."""

    cards: tuple[Card, ...]
    unreadable: Mapping[str, str]

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """Return what cannot be shown, by the name of a source or of a dataset."""
        sources = {source: (problem,) for source, problem in self.unreadable.items()}
        return {**sources, **{card.name: card.problems for card in self.cards if card.problems}}


def build_site(reader: Reader, histories: Iterable[History], title: str, write: Callable[[str, bytes], None]) -> Shown:
    """Write every file of the site. The same lake gives the same bytes.

    Args:
        reader: Reads what is shown.
        histories: The log of each source, and of each dataset that was built.
        title: What the pages call the lake.
        write: Takes a file: its path within the site, and its content.
    """
    lake = LakeTitle(title, reader.samples)
    datasets, unreadable = _find_datasets(reader, histories)
    graph = to_graph(datasets)
    cards = []
    for name, dataset in sorted(datasets.items()):  # one at a time: a page may hold many rows
        facts = reader.read(name, dataset)
        write(page_path(facts.full_name), render_dataset(lake, facts, graph))
        cards.append(to_card(facts))
    for path, content in read_assets().values():
        write(path, content)
    write(INDEX, render_index(lake, cards, graph, unreadable))
    return Shown(tuple(cards), unreadable)


def _find_datasets(reader: Reader, histories: Iterable[History]) -> tuple[dict[str, Dataset], dict[str, str]]:
    """Return every dataset by the name that it goes by, and what is wrong with the logs that cannot be read."""
    found: list[Dataset] = []
    unreadable: dict[str, str] = {}
    for history in histories:
        try:
            commits = history.commits()
        except (LakeError, TargetError) as error:  # the others are shown all the same
            unreadable[history.source] = reader.explain(error)
        else:
            found += [Dataset(reader.storage, history, stream) for stream in (commits[-1].schemas if commits else ())]
    return name_datasets(found), unreadable


def to_graph(datasets: Mapping[str, Dataset]) -> Graph:
    """Return what each dataset is made from: one that landed from its source, one that was built from what was read."""
    nodes: dict[str, Node] = {}
    inputs: dict[str, list[str]] = {}
    for name, dataset in sorted(datasets.items()):
        nodes[dataset.name] = Node(dataset.name, name, dataset.zone, to_href(page_path(dataset.name)))
        if dataset.zone == LANDING:
            source = f"source {dataset.source}"
            nodes.setdefault(source, Node(source, dataset.source, "source"))
            inputs[dataset.name] = [source]
        else:
            inputs[dataset.name] = _inputs(dataset)
    return Graph(nodes, inputs)


def _inputs(dataset: Dataset) -> list[str]:
    """Return what the version that readers see was made from, by the log; nothing where that cannot be read."""
    try:
        build = next((commit.build for commit in reversed(dataset.commits()) if commit.build), None)
    except TargetError:  # the dataset's own page says why
        return []
    return [each.name for each in build.inputs] if build else []
