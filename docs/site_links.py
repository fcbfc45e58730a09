"""Turns a page's links to files elsewhere in the repository into links within the site, and brings those along.

So it does with the pages that are made from the code, which stand nowhere in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
MADE = ROOT / ".interop" / "docs" / "reference"
"""Where `python -m docs.reference` has put the pages that are made from the code, before this."""
LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what the pages link to outside of docs/, and what those files link to, at their paths; and what was made."""
    waiting = [DOCS + file.src_uri for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        for path in linked(page):
            if not path.startswith(DOCS) and path not in files.src_uris and ROOT.joinpath(path).is_file():
                files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
                waiting += [path] if path.endswith(".md") else []
    for made in sorted(MADE.glob("*.md")):
        files.append(File.generated(config, made.name, content=made.read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs calls it by these names
    """Return the page's text with its links as they are in the site, where docs/ is the root."""
    here = page.file.src_uri
    path = here if page.file.generated_by and "/" in here else DOCS + here

    def in_site(link: re.Match[str]) -> str:
        to = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1])).removeprefix(DOCS)
        return f"]({posixpath.relpath(to, posixpath.dirname(here) or '.')}{link[2] or ''})"

    return LINK.sub(in_site, markdown)


def linked(path: str) -> Iterator[str]:
    """Yield the paths in the repository to which a page links, which is given by its path there."""
    for link in LINK.finditer(ROOT.joinpath(path).read_text("utf-8")):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1]))
