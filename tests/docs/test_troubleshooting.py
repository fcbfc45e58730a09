"""docs/troubleshooting.md: each error is made to happen, and its text and exit code are what the page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.docs.transcripts import ELLIPSIS, first_missing
from tests.docs.troubles import TROUBLES, Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.troubles import Shown

TEXT = Path(__file__).parents[2].joinpath("docs", "troubleshooting.md").read_text("utf-8")
FOLDER = "/srv/shop"
SECTION = re.compile(r"^### `([^\n`]+)`\n\n```text\n(.*?)```\n\nExit code (\d+)\. ", re.MULTILINE | re.DOTALL)


class Section(NamedTuple):
    title: str
    text: str
    code: int


SECTIONS = [Section(title, text, int(code)) for title, text, code in SECTION.findall(TEXT)]


def without_ages(text: str) -> str:
    return re.sub(r"\b\d+ d\b", "<age>", text)


def test_every_section_is_read():
    assert len(SECTIONS) == TEXT.count("\n### ") == len(TROUBLES)


@pytest.mark.parametrize(
    ("section", "make_trouble"),
    list(zip(SECTIONS, TROUBLES, strict=False)),  # the test above says how many there are
    ids=[make_trouble.__name__ for make_trouble in TROUBLES[: len(SECTIONS)]],
)
def test_an_error_is_as_shown(
    section: Section, make_trouble: Callable[[Desk], Shown], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "SHOP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    shown = make_trouble(Desk(tmp_path))
    printed = without_ages(shown.text.replace(str(tmp_path), FOLDER))
    assert first_missing(without_ages(section.text).splitlines(), printed) is None, printed
    assert shown.exit_code == section.code
    parts = section.title.split(ELLIPSIS)
    assert all(part in printed for part in parts), "its title is not of its text"
