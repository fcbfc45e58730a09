"""The lake: runs the tap into the target, and gives people what they left behind by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lake.catalog import Catalog
    from lake.dataset import Dataset

__all__ = ["Catalog", "Dataset"]


def __getattr__(name: str) -> Any:
    """Import what `from lake import …` asks for, so that the commands start without it."""
    if name == "Catalog":
        from lake.catalog import Catalog  # only readers need it

        return Catalog
    if name == "Dataset":
        from lake.dataset import Dataset  # only readers need it

        return Dataset
    raise AttributeError(f"module 'lake' has no attribute {name!r}")
