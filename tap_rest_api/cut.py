"""Turns a text that came from outside into its beginning, marked where it was cut.

By the mark the log finds the half of a secret that may stand before it.
"""

from __future__ import annotations

CUT = "…"


def cut(text: str, length: int) -> str:
    """Return the first characters of a text, with a mark if that is not all of it."""
    return text if len(text) <= length else f"{text[:length]}{CUT}"
