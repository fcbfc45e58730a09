"""The example API becomes a lake in ./lake-demo: what ``make demo`` runs, in the order a person would type it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path("config.example.json")
STATE = Path(".demo/marketplace.json")
PREVIEW_COLUMNS = ["id", "brand", "model", "rating", "price_paid", "updated_at"]
QUERIES = (
    "SELECT * FROM business.brand_ratings ORDER BY mean_rating DESC",
    "SELECT * FROM business.price_index WHERE currency = 'EUR'",
)
START_SECONDS = 20.0


def main() -> int:
    """Serve, ingest, build, show; return the exit code of what failed first."""
    base_url = json.loads(CONFIG.read_text("utf-8"))["tap"]["base_url"]
    with serving(base_url):
        code = lake("run", "-c", str(CONFIG))
    if code == 0:
        show()
        code = lake("build", "-c", str(CONFIG)) or max(lake("sql", query, "-c", str(CONFIG)) for query in QUERIES)
        print("\nRun `make demo` again: the reviews that changed land, and a new snapshot of the shops.")
        print("Of the datasets only those that are made from them are built.")
    return code


def lake(*arguments: str) -> int:
    """Show a command and run it; return its exit code."""
    print(f"\n$ lake {' '.join(map(typed, arguments))}", flush=True)
    return subprocess.run([sys.executable, "-m", "lake.cli", *arguments], check=False).returncode


def typed(argument: str) -> str:
    """Return an argument as a person would type it: a query with a quote of SQL's in double quotes."""
    return f'"{argument}"' if "'" in argument and not set(argument) & set('"$`\\!') else shlex.quote(argument)


def show() -> None:
    """Print what a reader of the lake gets."""
    from lake import Catalog  # pyarrow takes its time: the ingestion is on the screen first

    reviews = Catalog("lake-demo")["diaper_reviews"].read()
    print('\n>>> from lake import Catalog\n>>> reviews = Catalog("lake-demo")["diaper_reviews"].read()')
    print(f">>> type(reviews), reviews.num_rows\n(<class 'pyarrow.lib.Table'>, {reviews.num_rows})")
    newest = reviews.select(PREVIEW_COLUMNS).sort_by([("updated_at", "descending")]).slice(0, 5)
    widths = [max(len(name), *(len(str(value)) for value in newest[name].to_pylist())) for name in PREVIEW_COLUMNS]
    for row in [PREVIEW_COLUMNS, *([str(row[name]) for name in PREVIEW_COLUMNS] for row in newest.to_pylist())]:
        print("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def serving(base_url: str) -> Iterator[None]:
    """Have the example API up; one that is up already is used, and left up."""
    if is_up(base_url):
        yield
        return
    STATE.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "examples.marketplace", "--state", str(STATE)]
    server = subprocess.Popen([*command, "--port", str(urlsplit(base_url).port)])
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_up(base_url) and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if server.poll() is not None:
            sys.exit("The example API did not start; its message stands above.")
        yield
    finally:
        server.terminate()
        server.wait()


def is_up(base_url: str) -> bool:
    """Return whether the example API answers at its address."""
    try:
        with urllib.request.urlopen(f"{base_url}/health", timeout=2) as response:  # noqa: S310 - http on loopback
            return json.load(response) == {"status": "ok"}
    except (urllib.error.URLError, OSError, ValueError):
        return False


if __name__ == "__main__":
    os.environ.setdefault("MARKETPLACE_API_KEY", "demo-key")
    sys.exit(main())
