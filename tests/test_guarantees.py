"""docs/guarantees.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = ROOT.joinpath("docs", "guarantees.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", TEXT))))
def test_a_promises_test_is_there(name):
    assert ROOT.joinpath(name).is_file() or list(ROOT.glob(f"tests/*/{name}"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)`", TEXT))))
def test_a_promises_make_target_is_there(target):
    assert re.search(rf"^{target}:", ROOT.joinpath("Makefile").read_text("utf-8"), re.MULTILINE)
