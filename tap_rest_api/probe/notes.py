"""Turns what a probe finds, and what it cannot tell, into two lists to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was seen to hold; never a record's value."""

    what: str
    how: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that was not proven, why, and how to settle it."""

    what: str
    why: str
    fix: str


@dataclass(slots=True)
class Notes:
    """Both lists, in the order in which things were found out."""

    findings: list[Finding] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)

    def found(self, what: str, how: str) -> None:
        """Note what holds."""
        self.findings.append(Finding(what, how))

    def doubt(self, what: str, why: str, fix: str) -> None:
        """Note what nobody has proven."""
        self.doubts.append(Doubt(what, why, fix))

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        """Return both lists for a program."""
        return {"found": [asdict(item) for item in self.findings], "unsure": [asdict(item) for item in self.doubts]}


def to_text(notes: Notes) -> str:
    """Lay the lists out for a person."""
    lines = ["Found:", *(f"  {item.what}: {item.how}" for item in notes.findings)]
    if notes.doubts:
        lines.append("Not sure of:")
        for item in notes.doubts:
            lines += [f"  {item.what}: {item.why}", f"    {item.fix}"]
    return "\n".join(lines)
