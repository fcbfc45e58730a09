"""A bucket on this machine, for programs that write to nothing else."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Bucket:
    """Where it is: the address of its server, and its name there."""

    url: str
    name: str


@contextmanager
def fake_bucket() -> Iterator[Bucket]:
    """Serve an empty bucket, which takes any credentials, as long as the context lasts."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url, name = "http://{}:{}".format(*server.get_host_and_port()), "bench"
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket=name)
        yield Bucket(url, name)
    finally:
        server.stop()
