from __future__ import annotations

import pytest

from lake.text import shorten, to_age, to_bytes, to_table


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_499, "999.5 kB"),
        (999_600, "1.0 MB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_bytes(count, expected):
    assert to_bytes(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-3, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86_400 * 3, "3 d")]
)
def test_ages(seconds, expected):
    assert to_age(seconds) == expected


def test_a_long_text_is_cut_with_a_mark():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"


def test_a_table_is_plain_where_no_one_looks():
    table = to_table(("name", "n"), [("a", "1"), ("longer", "22")], right=("n",), terminal=False)
    assert table == "name     n\na        1\nlonger  22"


def test_a_table_is_drawn_on_a_terminal(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    table = to_table(("name", "n"), [("[red]a", "1"), ("\x1b[2J", "22")], right=("n",), terminal=True)
    assert "[red]a" in table  # a name is never markup
    assert "\\x1b[2J" in table
    assert "─" in table
