"""Each half works alone with a Singer program that nobody here wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import pytest

from examples.marketplace.server import Marketplace
from lake.catalog import Catalog
from tests.end_to_end.project import ROOT, STREAMS, make_project
from tests.places import LakePlace

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


def test_our_taps_output_is_accepted_by_target_jsonl(tmp_path, target_jsonl):
    with Marketplace(clean=True, advance="manual") as api:
        project = make_project(tmp_path / "project", api, LakePlace("local", str(tmp_path / "lake")))
        (tmp_path / "jsonl.json").write_text(json.dumps({"destination_path": str(tmp_path)}))
        command = [target_jsonl, "-c", tmp_path / "jsonl.json"]
        with project.popen(
            "tap_rest_api", "-c", "config.json", "--catalog", "catalog.json", stdout=subprocess.PIPE
        ) as tap:
            done = subprocess.run(command, stdin=tap.stdout, capture_output=True, text=True, check=False)
        assert tap.returncode == 0
        assert done.returncode == 0, done.stderr
        assert "currently_syncing" not in json.loads(done.stdout.splitlines()[-1])
        for stream in STREAMS:
            (file,) = tmp_path.glob(f"{stream}-*.jsonl")
            landed = Counter(json.loads(line)["id"] for line in file.read_text().splitlines())
            assert landed == project.source(stream)


def test_our_taps_output_passes_singer_check_tap(tmp_path, singer_check_tap):
    """It holds each record against the SCHEMA before it (Draft 4), and wants every line to be a Singer message."""
    with Marketplace(clean=True, advance="manual") as api:
        project = make_project(tmp_path / "project", api, LakePlace("local", str(tmp_path / "lake")))
        with project.popen(
            "tap_rest_api", "-c", "config.json", "--catalog", "catalog.json", stdout=subprocess.PIPE
        ) as tap:
            done = subprocess.run([singer_check_tap], stdin=tap.stdout, capture_output=True, text=True, check=False)
        assert tap.returncode == 0
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The output is valid." in done.stdout
        for stream in STREAMS:
            (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"| {stream} ")]
            assert int(row.split("|")[2]) == project.source(stream).total()


def test_our_target_accepts_the_output_of_another_rest_tap(tmp_path, tap_rest_api_msdk):
    with Marketplace(clean=True, advance="manual", gzip=False) as api:
        config = {
            "api_url": f"{api.url}/v1",
            "auth_method": "api_key",
            "api_keys": {"X-API-Key": "demo-key"},
            "pagination_request_style": "jsonpath_paginator",
            "next_page_token_path": "$.meta.next_cursor",
            "pagination_next_page_param": "cursor",
            "streams": [
                {
                    "name": "reviews",
                    "path": "/diaper_reviews",
                    "params": {"limit": 200},
                    "records_path": "$.results[*]",
                    "primary_keys": ["id"],
                    "num_inference_records": 200,
                }
            ],
        }
        (tmp_path / "tap.json").write_text(json.dumps(config))
        (tmp_path / "target.json").write_text(json.dumps({"path": "lake", "source": "msdk"}))
        with (
            (tmp_path / "tap.log").open("w") as log,
            subprocess.Popen(
                [tap_rest_api_msdk, "--config", "tap.json"], stdout=subprocess.PIPE, stderr=log, cwd=tmp_path
            ) as tap,
        ):
            target = subprocess.run(
                [sys.executable, "-m", "target_datalake.cli", "-c", "target.json"],
                stdin=tap.stdout, capture_output=True, text=True, check=False, cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        assert tap.returncode == 0, (tmp_path / "tap.log").read_text()
        assert target.returncode == 0, target.stderr
        reviews = Catalog(str(tmp_path / "lake"))["reviews"].read(columns=["id", "rating", "price_paid"]).to_pylist()
        expected = {record["id"]: record for record in api.records("diaper_reviews")}
        assert Counter(row["id"] for row in reviews) == Counter(expected.keys())
        for row in reviews:
            assert row["rating"] == expected[row["id"]]["rating"]
            price = expected[row["id"]]["price_paid"]
            assert (row["price_paid"] is None) == (price is None)
            assert price is None or Decimal(str(row["price_paid"])) == price
