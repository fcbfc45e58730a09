"""An import of pandas becomes the answer that it is not installed.

`pyarrow.array` looks for pandas objects among its arguments, and loads pandas for that: half a second of every run, for
objects that this program never makes.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002
        """Refuse pandas, and leave every other module to the finders behind this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)


def bar_pandas() -> None:
    """Keep this process from loading pandas. For a program's own main only, never for a library."""
    sys.meta_path.insert(0, _NoPandas())
