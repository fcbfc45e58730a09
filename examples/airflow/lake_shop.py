"""A DAG for Airflow 3: the shop's records into the lake each night, then the datasets that are made from them.

Copy it into the dags folder of Airflow, whose workers have `lake` in an environment of its own (its dependencies and
Airflow's are not to meet) and the lake's folder, or the bucket, within reach. What the configuration reads from the
environment is given to the workers, by whatever your Airflow keeps its secrets in.

The lake keeps its own bookmark, so a task may be retried, cleared or killed at any time: each record lands once.
"""

from __future__ import annotations

import os
import shlex
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

LAKE = os.environ.get("LAKE_COMMAND", "/srv/shop/.venv/bin/lake")
FOLDER = os.environ.get("LAKE_FOLDER", "/srv/shop")

HELD = 7
"""The exit code of a run that found its source held by another."""


def lake(*arguments: str) -> str:
    """Return a command for bash, which `exec` replaces, so that a killed task ends the run in order."""
    return f"exec {shlex.join([LAKE, *arguments])}"


with DAG(
    dag_id="lake_shop",
    description="The shop's records, and what is made from them",
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,  # one run reads all that was missed
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
        "cwd": FOLDER,
        "append_env": True,
        "do_xcom_push": False,
        "skip_on_exit_code": HELD,
    },
    tags=["lake"],
) as dag:
    run = BashOperator(
        task_id="run",
        bash_command=lake("run", "-c", "config.json"),
        execution_timeout=timedelta(hours=6),
    )
    build = BashOperator(task_id="build", bash_command=lake("build", "-c", "config.json"))
    fresh = BashOperator(task_id="fresh", bash_command=lake("status", "-c", "config.json"), retries=0)

    run >> build >> fresh
