"""Writes the pages that are made from the code into a folder: ``python -m docs.reference FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from docs import commands, settings

PAGES = {"commands.md": commands.to_page, "settings.md": settings.to_page}


def main(folder: Path) -> None:
    """Write each page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, to_page in PAGES.items():
        folder.joinpath(name).write_text(to_page(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
