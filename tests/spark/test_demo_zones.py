"""The demo's zones, built by both engines from the same lake, have the same rows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from examples.marketplace.server import Marketplace
from lake.catalog import Catalog
from tests.end_to_end.project import ROOT, Project, make_project
from tests.places import LakePlace
from tests.spark.test_parity import rows, same

if TYPE_CHECKING:
    import pyarrow as pa

DATASETS = ("clean.diaper_reviews", "clean.products", "clean.shops", "business.brand_ratings", "business.price_index")

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


def test_both_engines_build_the_demo_alike(tmp_path):
    with Marketplace(port=0, key="demo-key", clean=False, advance="manual", reviews=3000) as api:
        project = make_project(tmp_path, api, LakePlace("local", str(tmp_path / "lake")))
        shutil.copytree(ROOT / "zones", tmp_path / "zones")
        assert project.lake_run().returncode == 0
        ours = built_by(project, "duckdb")
        theirs = built_by(project, "spark")
    for name in DATASETS:
        assert ours[name].schema.equals(theirs[name].schema), name
        pairs = zip(in_order(ours[name]), in_order(theirs[name]), strict=True)
        assert all(same(a, b) for mine, other in pairs for a, b in zip(mine, other, strict=True)), name


def built_by(project: Project, engine: str) -> dict[str, pa.Table]:
    """Build everything anew by one engine, and return the rows."""
    command = [sys.executable, "-m", "lake.cli", "build", "-c", "config.json", "--full", "--engine", engine, "--json"]
    environment = {**os.environ, **project.env, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    built = subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert built.returncode == 0, built.stderr
    assert {each["dataset"] for each in json.loads(built.stdout)} == set(DATASETS)
    catalog = Catalog(project.place.path)
    return {name: catalog[name].read() for name in DATASETS}


def in_order(table: pa.Table) -> list[tuple[Any, ...]]:
    return sorted(rows(table), key=repr)
