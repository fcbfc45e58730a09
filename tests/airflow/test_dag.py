"""examples/airflow in a real Airflow: the DAG is parsed, and run once over a tap that stands in for an API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lake.catalog import Catalog
from tests.environments import install
from tests.lake.programs import DISCOVERS, TWO_ORDERS, Stage

pytestmark = [pytest.mark.interop, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]

PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
facts = {
    dag.dag_id: {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks} for dag in bag.dags.values()
}
print(json.dumps([facts, {str(key): value for key, value in bag.import_errors.items()}]))
"""


@pytest.fixture(scope="session")
def airflow() -> Path:
    return install("airflow")


@pytest.fixture
def home(tmp_path) -> dict[str, str]:
    """An Airflow of its own, which has only our DAG."""
    dags = tmp_path / "airflow" / "dags"
    dags.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "airflow" / "lake_shop.py", dags)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}
    settings = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return {**kept, **settings}


def test_airflow_parses_the_dag(airflow, home):
    command = [airflow.with_name("python"), "-c", PARSE, f"{home['AIRFLOW_HOME']}/dags"]
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    dags, errors = json.loads(done.stdout.splitlines()[-1])
    assert errors == {}
    assert dags == {"lake_shop": {"run": ["build"], "build": ["fresh"], "fresh": []}}


def test_airflow_runs_the_dag(airflow, home, tmp_path):
    stage = Stage(tmp_path / "shop", str(tmp_path / "lake"), {}, tap=DISCOVERS + TWO_ORDERS, target=None)
    stage.folder.mkdir()
    assert stage.config.exists()
    driver = tmp_path / "lake-command"
    words = [*stage.command()]
    driver.write_text(f"#!{sys.executable}\nimport os, sys\nos.execv({words[0]!r}, {words!r} + sys.argv[1:])\n")
    driver.chmod(0o755)
    env = {**home, "LAKE_COMMAND": str(driver), "LAKE_FOLDER": str(stage.folder), "PYTHONPATH": ""}
    subprocess.run([airflow, "db", "migrate"], env=env, capture_output=True, check=True)
    done = subprocess.run(
        [airflow, "dags", "test", "lake_shop", "2026-01-02"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    catalog = Catalog(stage.lake)
    assert catalog["landing.orders"].read().num_rows == 2
    assert catalog["clean.orders"].read().num_rows == 2
