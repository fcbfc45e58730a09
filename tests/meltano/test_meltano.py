"""``meltano run`` with the example's plugin definitions, twice: Meltano carries the state over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from examples.marketplace.server import Marketplace
from lake.catalog import Catalog
from tests.environments import install

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.interop, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def meltano() -> Path:
    return install("meltano")


def make_project(folder: Path, url: str) -> None:
    """Write the example for another address, with the programs that are installed here instead of those of PyPI."""
    document = yaml.safe_load((ROOT / "examples" / "meltano" / "meltano.yml").read_text("utf-8"))
    for kind in ("extractors", "loaders"):
        (plugin,) = document["plugins"][kind]
        del plugin["pip_url"]
    document["plugins"]["extractors"][0]["config"]["base_url"] = url
    (folder / "meltano.yml").write_text(yaml.safe_dump(document, sort_keys=False))


def run(meltano: Path, folder: Path) -> None:
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "MARKETPLACE_API_KEY": "demo-key", "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [meltano, "run", "tap-rest-api", "target-datalake"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def ids(lake: Catalog, stream: str) -> Counter[int]:
    rejected = [reject["raw"] for reject in lake[stream].rejected()]
    assert len(rejected) < 10  # records that break the schema which discovery inferred
    return Counter(lake[stream].read(versions="all", columns=["id"]).column("id").to_pylist())


def test_the_second_run_lands_only_what_changed(meltano, tmp_path):
    with Marketplace(clean=True, advance="manual", reviews=800) as api:
        make_project(tmp_path, f"{api.url}/v1")
        run(meltano, tmp_path)
        lake = Catalog(str(tmp_path / "lake"))
        reviews = Counter(record["id"] for record in api.records("diaper_reviews"))
        shops = Counter(record["id"] for record in api.records("shops"))
        assert ids(lake, "diaper_reviews") == reviews
        assert ids(lake, "shops") == shops
        api.advance()
        run(meltano, tmp_path)
        lake = Catalog(str(tmp_path / "lake"))
        landed = ids(lake, "diaper_reviews")
        assert (landed - reviews).total() == 40  # what the API changed meanwhile
        assert landed >= Counter(record["id"] for record in api.records("diaper_reviews"))
        assert ids(lake, "shops") == shops + shops  # a full table: one snapshot a run
