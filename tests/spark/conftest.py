"""A Spark session in this process, and a cluster of its own processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lake.spark.session import SparkOptions, start_session

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def session() -> Iterator[Any]:
    """Start Spark in this process, as `lake build --engine spark` does."""
    running = start_session(SparkOptions("local[2]"), "1GB")
    yield running
    running.stop()


@dataclass(frozen=True)
class Cluster:
    """A standalone cluster: its master's address, and the folders in which its workers keep their executors' logs."""

    master: str
    workers: tuple[Path, ...]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """Start one master and two workers, each a Java process of its own, and wait until the master knows both."""
    import pyspark

    folder, home = tmp_path_factory.mktemp("cluster"), Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    port, page = free_port(), free_port()
    master = f"spark://127.0.0.1:{port}"
    kinds = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
    commands = [[kinds[0], "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]]
    places = tuple(folder / f"worker-{number}" for number in (1, 2))
    for place in places:
        options = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(place)]
        commands.append([kinds[1], "--host", "127.0.0.1", *options, master])
    started = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                program = [str(home / "bin" / "spark-class"), *command]
                started.append(
                    subprocess.Popen(program, env=environment, stdout=log, stderr=log, start_new_session=True)
                )
        wait_for_workers(page, len(places))
        yield Cluster(master, places)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def wait_for_workers(page: int, wanted: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
                alive = re.findall(r'"state"\s*:\s*"ALIVE"', answer.read().decode())
        except OSError:
            alive = []
        if len(alive) >= wanted:
            return
        time.sleep(0.5)
    raise TimeoutError("the cluster's workers did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
