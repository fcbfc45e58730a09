"""The example's README says what the server does."""

import re
from pathlib import Path

import pytest

import examples.marketplace.__main__ as command_line
from examples.marketplace.broken import BROKEN
from examples.marketplace.control import SWITCHES
from examples.marketplace.faults import KINDS
from examples.marketplace.world import World

README = (Path(command_line.__file__).parent / "README.md").read_text()


def test_it_lists_every_fault():
    table = README.partition("## Faults")[2].partition("## Reading order")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == KINDS


def test_it_lists_every_option(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    for option in set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}:
        assert option in README


def test_it_lists_every_switch_and_broken_review():
    for method, name in SWITCHES:
        assert f"`{method} /_control/{name}" in README
    assert [int(cell) for cell in re.findall(r"\d+", re.search(r"\| id \| 37 .*", README)[0])] == list(BROKEN)


def test_it_counts_the_records_rightly():
    counts = {stream: len(World().records(stream)) for stream in ("shops", "products", "diaper_reviews")}
    assert counts == {"shops": 12, "products": 475, "diaper_reviews": 3000}
    assert "12 shops, 475 products and 3,000 reviews" in README


def test_its_example_request_is_answered_as_shown(client):
    body = client.get("/v1/shops", per_page=2).body.decode()
    shown = re.search(r"^    (\{.*)…$", README, re.MULTILINE)[1]
    assert body.startswith(shown)
