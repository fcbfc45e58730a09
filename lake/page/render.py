"""What is known of a lake becomes HTML, which holds no markup but the templates' own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lake.page.card import ZONES, to_index, to_sections, to_totals
from lake.page.charts import Chart, run_chart, spread_chart
from lake.page.lineage import draw
from lake.page.run_bars import usual_gap_seconds
from lake.sandbox import quote
from lake.text import shorten, to_bytes, to_minute
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.outline import ColumnOutline
    from lake.page.card import Card
    from lake.page.facts import DatasetFacts
    from lake.page.lineage import Graph
    from lake.page.profile import ColumnProfile

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What a page may do: run and show its own files, and send its search to itself; nothing inline, nor from outside."""

_ASSETS = {"css": "page.css", "js": "page.js", "icon": "icon.svg"}


@dataclass(frozen=True)
class LakeTitle:
    """What pages call the lake, and how many rows of each dataset they show."""

    title: str
    samples: int


@dataclass(frozen=True)
class ColumnRow:
    """A line of the table of columns."""

    name: str
    type: str
    description: str
    is_key: bool
    profile: ColumnProfile | None
    chart: Chart


@cache
def read_assets() -> dict[str, tuple[str, bytes]]:
    """Return the files that every page uses: path within the site, which names the content, and the content."""
    folder = files("lake.page").joinpath("assets")
    contents = {kind: folder.joinpath(name).read_bytes() for kind, name in _ASSETS.items()}
    return {kind: (_asset_path(_ASSETS[kind], content), content) for kind, content in contents.items()}


def render_index(lake: LakeTitle, cards: Sequence[Card], graph: Graph, unreadable: Mapping[str, str]) -> bytes:
    """Return the first page: every dataset at a glance, by zone, what cannot be read, and the index for the search."""
    return _render(
        "index.html",
        lake,
        root="",
        sections=to_sections(cards),
        totals=to_totals(cards),
        drawing=draw(graph),
        index=to_index(cards),
        unreadable=unreadable,
    )


def render_dataset(lake: LakeTitle, facts: DatasetFacts, graph: Graph) -> bytes:
    """Return the page of one dataset."""
    runs, rejects, profile = facts.runs.value or [], facts.rejects.value or [], facts.profile.value
    return _render(
        "dataset.html",
        lake,
        root="../",
        facts=facts,
        log=facts.log.value,
        outline=facts.outline.value,
        columns=_columns(facts),
        rows=profile.rows if profile else 0,
        runs=runs,
        chart=run_chart(runs),
        usual_gap_seconds=usual_gap_seconds(runs),
        most_rejected=max((tally.records for _, tally in rejects), default=0),
        drawing=draw(graph.around(facts.full_name)),
        python=f'catalog[{facts.name!a}].read()  # or read("pandas"), "polars", "duckdb"',
        sql=f"SELECT * FROM {_sql_name(facts)} LIMIT 10  -- lake sql",  # noqa: S608 - to be read
    )


def _render(template: str, lake: LakeTitle, **shown: Any) -> bytes:
    paths = {kind: path for kind, (path, _) in read_assets().items()}
    page = _environment().get_template(template).render(lake=lake, assets=paths, csp=CSP, zones=tuple(ZONES), **shown)
    return page.encode("utf-8", "replace")


def _columns(facts: DatasetFacts) -> list[ColumnRow]:
    outline, profile = facts.outline.value, facts.profile.value
    profiles = profile.columns if profile else {}
    if outline is None:
        return []
    return [_column(each, outline.key_properties, profiles.get(each.name)) for each in outline.columns]


def _column(column: ColumnOutline, keys: Sequence[str], profile: ColumnProfile | None) -> ColumnRow:
    chart = spread_chart(profile.bars if profile else ())
    return ColumnRow(column.name, column.type, column.description, column.name in keys, profile, chart)


def _sql_name(facts: DatasetFacts) -> str:
    shared = facts.name == facts.full_name  # by two sources; above the landing zone it is how a dataset goes
    table = facts.full_name.removeprefix(f"{facts.zone}.") if shared else facts.name
    return f"{facts.zone}.{table if table.isascii() and table.isidentifier() else quote(table)}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lake.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= _FILTERS
    return environment


def _finalize(value: Any) -> Any:
    """Show, rather than obey, what would turn or hide text; what templates made is left as it is."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset_path(name: str, content: bytes) -> str:
    stem, _, ending = name.partition(".")
    return f"assets/{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{ending}"


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:  # noqa: PLR2004 - what one decimal can show
        return "<0.1%"
    return f"{share:.0f}%" if share == round(share) else f"{min(share, 99.9):.1f}%"


def _share_of(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _minute(text: str | None) -> str:
    return to_minute(datetime.fromisoformat(text).astimezone(UTC)) if text else ""


def _moment(text: str, kind: str) -> str:
    """Return a value of a column; a moment, as DuckDB writes it, to the second."""
    return text.partition(".")[0].removesuffix("+00") if kind == "time" else text


_FILTERS = {
    "counted": lambda count, noun: f"{count:,} {noun}{'' if count == 1 else 's'}",
    "flat": lambda text: " ".join(text.split()),
    "minute": _minute,
    "moment": _moment,
    "percent": _percent,
    "share_of": _share_of,
    "short": shorten,
    "size": to_bytes,
    "thousands": lambda count: f"{count:,}",
}
