"""A lake with something to see on each part of a page, and a browser where one is installed."""

from __future__ import annotations

import datetime as dt
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.lake.writer import LakeWriter, Part, numbered, rejected
from tests.places import LakePlace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

REVIEWS = pa.schema(
    [
        ("id", pa.int64()),
        ("brand", pa.string()),
        ("price", pa.decimal128(38, 2)),
        ("rating", pa.int64()),
        ("at", pa.timestamp("us", "UTC")),
        ("author", pa.struct([("city", pa.string())])),
    ]
)

HOSTILE = {
    "markup": "<script>document.title='owned'</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "path": "../../../etc/passwd",
    "quotes": "a'b\"c&d",
    "emoji": "👶🏽 größe ☃",
    "turned": "abc\u202etxt.exe",
    "percent": "50%25 off #1?x=2",
    "template": "{{ 7 * 7 }}{% raw %}",
    "long": "long" * 49,
}
"""What a source may call its streams, if it means harm or not."""


def review(n: int) -> dict[str, object]:
    return {
        "id": n,
        "brand": None if n % 4 == 0 else f"Brand {n % 3}",
        "price": Decimal(n) / 4,
        "rating": n % 5 + 1,
        "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n),
        "author": {"city": "Łódź"},
    }


def fill(lake: LakeWriter, *names: str) -> LakeWriter:
    """Land reviews in six runs, with rejects in two of them, and a stream of each name."""
    for run in range(6):
        rejects = (rejected("/price", "expected number, found string"),) * (run % 3 == 1)
        rows = [review(run * 40 + n) for n in range(1, 41)]
        lake.commit(Part(rows, stream="reviews", schema=REVIEWS, rejected=rejects), run=f"run-{run}")
    lake.commit(*(Part(numbered(1), stream=name) for name in names), run="more")
    return lake


@pytest.fixture
def full_lake(local_lake: LakeWriter) -> LakeWriter:
    """Reviews and one stream beside them, for a test to harm."""
    return fill(local_lake, HOSTILE["quotes"])


@pytest.fixture(scope="session")
def shown_lake(tmp_path_factory: pytest.TempPathFactory) -> LakeWriter:
    """The same lake once for all tests that only look at it."""
    return fill(LakeWriter(LakePlace("local", str(tmp_path_factory.mktemp("shown") / "lake"))), *HOSTILE.values())


@pytest.fixture(scope="session")
def site(shown_lake: LakeWriter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its site, as `lake page` writes it."""
    from lake.cli import lake as command

    folder = tmp_path_factory.mktemp("site") / "site"
    arguments = ["page", str(folder), "--lake", shown_lake.place.path, "--title", "Our lake"]
    assert command.main(arguments, standalone_mode=False) == 0
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless; tests that need it say that they were skipped where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium): the page is not tested in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--disable-gpu"])
        yield chromium
        chromium.close()
