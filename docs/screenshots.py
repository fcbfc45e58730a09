"""Six weeks of the example API's records become a lake, its page, and pictures of that: ``make screenshots``."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from examples.marketplace.data import SEED, generator, products, shops
from examples.marketplace.reviews import Span, new_entries
from lake.cli import lake
from target_datalake.commit_log import CommitLog
from target_datalake.config import to_config
from target_datalake.input import Batch
from target_datalake.lake_format import check_format
from target_datalake.messages import MessageReader
from target_datalake.stores import open_storage
from target_datalake.target import Clocks, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
DAYS = 42
DAY_SECONDS = 86_400
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PICTURES: Sequence[tuple[str, str, dict[str, Any], int]] = (
    ("page", "index.html", {"color_scheme": "light"}, 1080),
    ("page-dataset", "datasets/landing.marketplace.diaper_reviews.html", {"color_scheme": "light"}, 1080),
    ("page-dark", "datasets/business.brand_ratings.html", {"color_scheme": "dark"}, 1080),
)
"""Name, page, options of the browser, and width; each as high as the page, up to `MOST_HIGH`."""

MOST_HIGH = 1280


def main() -> int:
    """Fill, build, show, and take the pictures."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        print("no Chromium is installed: apt-get install chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="lake-screenshots-") as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "zones", folder / "zones")
        (folder / "config.json").write_text(json.dumps({"target": {"path": "./lake", "source": "marketplace"}}))
        fill(folder / "lake")
        config = ["-c", str(folder / "config.json")]
        lake.main(["build", *config], standalone_mode=False)
        lake.main(["page", str(folder / "site"), "--title", "Marketplace", *config], standalone_mode=False)
        take(browser, folder / "site")
    return 0


def fill(path: Path) -> None:
    """Land what a run a day would have brought, up to an hour ago."""
    storage, numbers = open_storage(str(path), scratch="marketplace"), generator(SEED, "screenshots")
    check_format(storage, write=True)
    last = time.time() - 3600
    for day, reviews in enumerate(by_day(numbers)):
        seconds = last - (DAYS - 1 - day) * DAY_SECONDS
        lines = [*stream("shops", [shop.text for shop in shops()]), *stream("products", [p.text for p in products()])]
        state = b'{"type":"STATE","value":{"day":%d}}' % day
        lines = [*(lines if day == 0 else []), *stream("diaper_reviews", reviews), state]
        run(storage, seconds, f"run-{day:02d}", lines)


def by_day(numbers: random.Random) -> Iterator[list[bytes]]:
    """Yield each day's reviews, with a few on some days that no schema takes."""
    entries = new_entries(numbers, SEED, range(1, 3001), Span(1_609_459_200_000_000, 63_072_000_000_000))
    texts = [text for _, text in entries]
    draw = random.Random(SEED)  # noqa: S311 - synthetic
    cuts = sorted(draw.sample(range(1, len(texts)), DAYS - 1))
    for begin, end in zip([0, *cuts], [*cuts, len(texts)], strict=True):
        day = texts[begin:end]
        broken = draw.choice([0, 0, 0, 0, 2, 5])
        yield [text.replace(b'"rating":', b'"rating":1', 1) if n < broken else text for n, text in enumerate(day)]


def stream(name: str, texts: list[bytes]) -> list[bytes]:
    """Return the messages of a stream."""
    schema = (ROOT / "examples/marketplace/schemas" / f"{name}.json").read_bytes().replace(b"\n", b" ")
    head = b'{"type":"SCHEMA","stream":"%s","schema":%s,"key_properties":["id"]}' % (name.encode(), schema)
    return [head, *(b'{"type":"RECORD","stream":"%s","record":%s}' % (name.encode(), text) for text in texts)]


def run(storage: Any, seconds: float, name: str, lines: list[bytes]) -> None:
    """Run the target at a moment."""
    log = CommitLog(storage, "marketplace")
    clocks = Clocks(lambda: int(seconds * 1e6), lambda: seconds)
    options = to_config({"path": storage.uri, "source": "marketplace", "max_rejected_fraction": 1}, Path.cwd())
    target = Target(log, log.recover(), options, name, lambda _: None, clocks)
    target.run(MessageReader(clocks.now_us).read([Batch(lines)]))
    target.finish(tap_succeeded=True)


def take(browser: str, site: Path) -> None:
    """Take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser)
        for name, path, options, width in PICTURES:
            page = chromium.new_page(viewport={"width": width, "height": 900}, **options)
            page.goto((site / path).as_uri())
            high = min(page.evaluate("document.documentElement.scrollHeight"), MOST_HIGH)
            page.set_viewport_size({"width": width, "height": high})
            page.screenshot(path=IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
