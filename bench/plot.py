"""Rates become bars in an SVG, by a few lines that need no library."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.rounds import Result

_WIDTH, _LABEL, _ROW, _GAP, _VALUE = 860, 300, 22, 34, 110
_OURS, _FLOOR, _PEER = "#2166ac", "#bbbbbb", "#d6812f"


def to_svg(groups: Mapping[str, Sequence[Result]]) -> str:
    """Draw groups of bars, each group on a scale of its own; ours, floors and peers are told apart by colour."""
    parts: list[str] = []
    top = 8
    for title, results in groups.items():
        present = [result for result in results if result.costs]
        most = max((result.rate for result in present), default=1.0)
        parts.append(_text(8, top + 14, title, weight="bold"))
        top += _ROW + 2
        for result in present:
            parts.extend(_bar(result, top, (_WIDTH - _LABEL - _VALUE) * result.rate / most))
            top += _ROW
        top += _GAP - _ROW
    style = "font-family:system-ui,sans-serif;font-size:13px"
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    background = f'<rect width="{_WIDTH}" height="{top}" fill="white"/>'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">', background, *parts, "</svg>\n"]
    )


def _bar(result: Result, top: int, width: float) -> list[str]:
    colour = _FLOOR if result.name.startswith("floor") else _OURS if result.name.startswith("ours") else _PEER
    return [
        _text(_LABEL - 8, top + 14, result.name, anchor="end"),
        f'<rect x="{_LABEL}" y="{top + 2}" width="{width:.1f}" height="{_ROW - 6}" fill="{colour}"/>',
        _text(_LABEL + width + 6, top + 14, f"{result.rate:,.0f}/s"),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="black">{escape(text)}</text>'
