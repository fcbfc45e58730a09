"""The site of docs/: every page is in its navigation, links lead to what is there, nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from docs import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*DOCS.glob("*.md"), *ROOT.glob("examples/*/README.md")]
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)")
LOADED_BY_STYLE = re.compile(r"(?:@import|url\()\s*(?:url\()?[\"']?((?:https?:)?//[^\"')]+)")


def test_every_page_stands_in_the_navigation_once():
    text = ROOT.joinpath("mkdocs.yml").read_text("utf-8")
    named = re.findall(r"^ +- .+: (\S+\.md)$", text.partition("\nnav:\n")[2], re.MULTILINE)
    assert len(named) == len(set(named))
    assert {path.name for path in DOCS.glob("*.md")} | {*reference.PAGES} == {name for name in named if "/" not in name}
    assert yaml.safe_load(text)["theme"]["font"] is False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_is_there(page):
    for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.interop
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere():
    subprocess.run(["make", "docs"], cwd=ROOT, env={**os.environ, "PYTHON": "python3"}, check=True)
    site = ROOT / "site"
    assert site.joinpath("examples", "apis", "github-issues.json").is_file()
    assert "--memory-limit" in site.joinpath("commands.html").read_text("utf-8")
    assert "${env.X} and ${vars.x} are filled in" in site.joinpath("settings.html").read_text("utf-8")
    assert "max_rejected_fraction" in site.joinpath("settings.html").read_text("utf-8")
    for page in site.rglob("*.html"):
        outside = [url for url in LOADED.findall(page.read_text("utf-8")) if "canonical" not in url]
        assert outside == [], page
    for style in site.rglob("*.css"):
        assert LOADED_BY_STYLE.findall(style.read_text("utf-8")) == [], style
