"""A real S3 server on loopback: SeaweedFS in a fresh folder, which checks credentials and forgets all at its end."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.environments import install

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS_KEY, READER_KEY, SECRET_KEY = "lake-writer", "lake-reader", "only-for-this-server"

_IDENTITIES = {
    "identities": [
        {
            "name": "lake-writer",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "lake-reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Read", "List"],
        },
    ]
}

_SERVERS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
_READY_SECONDS = 60


@contextlib.contextmanager
def seaweedfs() -> Iterator[str]:
    """Run a server, and give its address once it stores and returns an object. It is always stopped."""
    weed = install("seaweedfs", "weed")
    with tempfile.TemporaryDirectory(prefix="weed-") as folder, contextlib.ExitStack() as stack:
        identities = Path(folder) / "identities.json"
        identities.write_text(json.dumps(_IDENTITIES))
        log = stack.enter_context((Path(folder) / "log").open("w+"))
        *ports, s3, s3_grpc = _free_ports(len(_SERVERS) + 2)
        command = [weed, "server", "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-dir", folder, "-volume.max", "0"]
        command += [f"-{name}={port}" for name, port in zip(_SERVERS, ports, strict=True)]
        command += [
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
            "-s3",
            "-s3.autoCreateBucket=false",
            f"-s3.config={identities}",
        ]
        command += [f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(server, f"http://127.0.0.1:{s3}", Path(folder) / "log")
            yield f"http://127.0.0.1:{s3}"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until an object that is put comes back."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **keys)
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="x", Body=b"ready")
            if client.get_object(Bucket="ready", Key="x")["Body"].read() == b"ready":
                return
        except (ClientError, BotoCoreError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS does not answer: {log.read_text()[-2000:]}") from error
            time.sleep(0.2)
