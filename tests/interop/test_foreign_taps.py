"""``lake run`` drives taps from PyPI: one of Meltano's SDK, one of singer-python's older habits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from lake.catalog import Catalog
from target_datalake.commit_log import CommitLog
from target_datalake.stores import open_storage
from tests.environments import ROOT, install
from tests.places import REGION
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def tap_spreadsheets() -> Path:
    return install("tap-spreadsheets")


@pytest.fixture(scope="session")
def tap_s3_csv() -> Path:
    return install("pipelinewise-tap-s3-csv", "tap-s3-csv")


def write_project(folder: Path, tap: Path, config: dict[str, Any], **more: Any) -> None:
    document = {"tap": {"command": [str(tap)], "config": config, **more}, "target": {"path": "lake", "source": "shop"}}
    (folder / "config.json").write_text(json.dumps(document))


def lake(folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "lake.cli", *arguments, "-c", str(folder / "config.json"), "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SHOP_SECRET": SECRET_KEY}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def ids(folder: Path) -> Counter[str]:
    rows = Catalog(str(folder / "lake"))["orders"].read(versions="all", columns=["id"])
    return Counter(rows.column("id").to_pylist())


def state(folder: Path) -> Any:
    head = CommitLog(open_storage(str(folder / "lake")), "shop").head()
    assert head is not None
    assert head.state is not None
    return json.loads(head.state)


def write_orders(path: Path, *numbers: int, at: float) -> None:
    path.write_text("id,name\n" + "".join(f"{n},order {n}\n" for n in numbers))
    os.utime(path, (at, at))


def test_a_tap_of_the_meltano_sdk(tmp_path, tap_spreadsheets):
    """Its bookmark is the file's time: a file that was changed lands anew, as a whole."""
    orders = {"path": "orders.csv", "format": "csv", "table_name": "orders", "primary_keys": ["id"]}
    write_project(tmp_path, tap_spreadsheets, {"files": [orders]})
    write_orders(tmp_path / "orders.csv", 1, 2, at=1_767_225_600)
    assert lake(tmp_path, "run")["tap"] == "tap-spreadsheets"
    assert ids(tmp_path) == {"1": 1, "2": 1}
    assert state(tmp_path)["bookmarks"]["orders"]["replication_key_value"].startswith("2026-01-01T00:00:00")
    write_orders(tmp_path / "orders.csv", 1, 2, 3, at=1_767_312_000)
    lake(tmp_path, "run")
    assert ids(tmp_path) == {"1": 2, "2": 2, "3": 1}
    latest = Catalog(str(tmp_path / "lake"))["orders"].read(latest=True)
    assert sorted(latest.column("id").to_pylist()) == ["1", "2", "3"]


def test_a_discovery_keeps_what_was_deselected(tmp_path, tap_spreadsheets):
    files = [{"path": f"{name}.csv", "format": "csv", "table_name": name} for name in ("orders", "shops")]
    write_project(tmp_path, tap_spreadsheets, {"files": files})
    for name in ("orders", "shops"):
        write_orders(tmp_path / f"{name}.csv", 1, at=1_767_225_600)
    lake(tmp_path, "discover")
    path = tmp_path / "catalog.json"
    catalog = json.loads(path.read_text())
    (shops,) = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "shops"]
    (root,) = [entry["metadata"] for entry in shops["metadata"] if not entry["breadcrumb"]]
    root["selected"] = False
    path.write_text(json.dumps(catalog))
    lake(tmp_path, "discover")
    assert list(lake(tmp_path, "run")["streams"]) == ["orders"]


def test_an_older_tap(tmp_path, tap_s3_csv, s3_endpoint, aws_credentials):
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name=REGION)
    client.create_bucket(Bucket="orders-to-read")
    client.put_object(Bucket="orders-to-read", Key="orders-1.csv", Body=b"id,name\n1,one\n2,two\n")
    table = {"search_prefix": "", "search_pattern": "orders.*\\.csv$", "table_name": "orders", "key_properties": ["id"]}
    config = {
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": "${env.SHOP_SECRET}",
        "aws_endpoint_url": s3_endpoint,
        "bucket": "orders-to-read",
        "start_date": "2020-01-01T00:00:00Z",
        "tables": [{**table, "delimiter": ","}],
    }
    write_project(tmp_path, tap_s3_csv, config, catalog_option="--properties")
    lake(tmp_path, "run")
    assert ids(tmp_path) == {"1": 1, "2": 1}
    assert set(state(tmp_path)["bookmarks"]["orders"]) == {"modified_since"}
    again = lake(tmp_path, "run")
    assert again["exit_code"] == 0
    assert ids(tmp_path) == {"1": 1, "2": 1}
