"""A project folder as a user has it, over the example API: the example's configuration with another address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.catalog import Catalog

if TYPE_CHECKING:
    from examples.marketplace.server import Marketplace
    from tests.places import LakePlace

ROOT = Path(__file__).parents[2]
STREAMS = ("shops", "products", "diaper_reviews")


@dataclass(frozen=True)
class Project:
    """A folder with config.json and catalog.json, and the API it reads."""

    folder: Path
    api: Marketplace
    place: LakePlace

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "MARKETPLACE_API_KEY": "demo-key", "PYTHONPATH": str(ROOT)}

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.place.path, s3=self.place.s3)

    def popen(self, program: str, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start one of the three programs in the project's folder."""
        command = [sys.executable, "-m", f"{program}.cli", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, **more)

    def lake_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `lake run` to its end."""
        command = [sys.executable, "-m", "lake.cli", "run", "-c", "config.json", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=120
        )

    def source(self, stream: str) -> Counter[int]:
        """Return how often each id is in the API's stream."""
        return Counter(record["id"] for record in self.api.records(stream))

    def landed(self, stream: str, versions: str = "all") -> Counter[int]:
        """Return how often each id landed, by what a glob sees or by the active version."""
        return Counter(self.catalog[stream].read(versions=versions, columns=["id"]).column("id").to_pylist())

    def rejected(self, stream: str) -> Counter[int]:
        """Return how often each id was rejected, from the texts that were kept."""
        return Counter(json.loads(reject["raw"])["id"] for reject in self.catalog[stream].rejected())


def make_project(folder: Path, api: Marketplace, place: LakePlace, *, page_size: int = 50, **target: Any) -> Project:
    """Write the example's configuration for another address and smaller pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "config.example.json").read_text("utf-8")
    config = json.loads(text.replace("examples/marketplace/schemas", f"{ROOT}/examples/marketplace/schemas"))
    config["tap"]["base_url"] = f"{api.url}/v1"
    for stream in config["tap"]["streams"]:
        stream.setdefault("pagination", {})["size"] = page_size
    config["target"] = {**place.target_config, "source": "marketplace", **target}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text((ROOT / "catalog.json").read_text("utf-8"))
    return Project(folder, api, place)
