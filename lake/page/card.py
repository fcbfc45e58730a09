"""What is known of a dataset becomes what the first page, its search and its sums say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.page.charts import run_chart
from lake.page.names import page_path, to_href
from lake.page.run_bars import usual_gap_seconds
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.page.charts import Chart
    from lake.page.facts import DatasetFacts

ZONES = {
    "landing": "as received, nothing lost and nothing changed",
    "clean": "without duplicates, typed: the work that nobody has to do again",
    "business": "made for a use",
}
"""The zones in the order in which data goes, and what each holds."""

_SPARK_RUNS = 20


@dataclass(frozen=True)
class Card:
    """A dataset at a glance; figures that cannot be read are 0, and `problems` says why."""

    name: str
    zone: str
    source: str
    href: str
    description: str
    rows: int
    bytes: int
    received: int
    rejected: int
    updated_at: str | None
    usual_gap_seconds: int | None
    chart: Chart
    columns: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A zone and its datasets, by name."""

    name: str
    about: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Totals:
    """The sums over all datasets; `problems` counts those that have any."""

    datasets: int
    sources: int
    rows: int
    bytes: int
    received: int
    rejected: int
    last_at: str | None
    problems: int


def to_card(facts: DatasetFacts) -> Card:
    """Return a dataset at a glance."""
    log, outline, runs = facts.log.value, facts.outline.value, facts.runs.value or []
    return Card(
        name=facts.name,
        zone=facts.zone,
        source=facts.source,
        href=to_href(page_path(facts.full_name)),
        description=" ".join(outline.description.split()) if outline else "",
        rows=log.rows if log else 0,
        bytes=log.bytes if log else 0,
        received=log.received if log else 0,
        rejected=log.rejected if log else 0,
        updated_at=log.last_commit_at if log else None,
        usual_gap_seconds=usual_gap_seconds(runs),
        chart=run_chart(runs[-_SPARK_RUNS:]),
        columns=tuple((each.name, each.description) for each in outline.columns) if outline else (),
        problems=facts.problems,
    )


def to_sections(cards: Sequence[Card]) -> list[Section]:
    """Return the zones that have datasets, in the order in which data goes."""
    names = [*ZONES, *sorted({card.zone for card in cards} - set(ZONES))]
    found = {name: tuple(card for card in cards if card.zone == name) for name in names}
    return [Section(name, ZONES.get(name, ""), inside) for name, inside in found.items() if inside]


def to_totals(cards: Sequence[Card]) -> Totals:
    """Return the sums. Received and rejected are the landing zone's, where alone records come from outside."""
    return Totals(
        datasets=len(cards),
        sources=len({card.source for card in cards if card.zone == "landing"}),
        rows=sum(card.rows for card in cards),
        bytes=sum(card.bytes for card in cards),
        received=sum(card.received for card in cards if card.zone == "landing"),
        rejected=sum(card.rejected for card in cards if card.zone == "landing"),
        last_at=max((card.updated_at for card in cards if card.updated_at), default=None),
        problems=sum(bool(card.problems) for card in cards),
    )


def to_index(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """Return what the search looks through. Characters that would turn or hide text are shown as escapes."""
    return [
        {
            "name": escape(card.name),
            "zone": escape(card.zone),
            "source": escape(card.source),
            "href": card.href,
            "text": escape(card.description),
            "columns": [[escape(name), escape(" ".join(text.split()))] for name, text in card.columns],
        }
        for card in cards
    ]
