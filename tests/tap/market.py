"""Turns the tap's output into what a target would commit of it, to hold against what the example API has."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.marketplace import exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from examples.marketplace.server import Marketplace

ROOT = Path(__file__).parents[2]
KEY = {"MARKETPLACE_API_KEY": "demo-key"}


def example_config(api: Marketplace, *, size: int | None = None, streams: Iterable[str] = ()) -> dict[str, Any]:
    """The example's configuration for a running API; faults are met with few and short retries."""
    text = (ROOT / "config.example.json").read_text("utf-8")
    config = json.loads(text.replace("examples/marketplace/schemas", f"{ROOT}/examples/marketplace/schemas"))["tap"]
    config["base_url"] = f"{api.url}/v1"
    config["limits"] = {"retries": 2, "max_wait": "PT0S", "read_timeout": 0.3, "total_timeout": 2}
    if streams:
        config["streams"] = [stream for stream in config["streams"] if stream["name"] in set(streams)]
    if size is not None:
        for stream in config["streams"]:
            stream["pagination"]["size"] = size
    return config


def committed(output: bytes) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the messages before the last whole STATE line, and that STATE's value: a target keeps no more."""
    messages = [exact.loads(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")]
    states = [index for index, message in enumerate(messages) if message["type"] == "STATE"]
    if not states:
        return [], None
    return messages[: states[-1]], messages[states[-1]]["value"]


def canonical_records(messages: Iterable[dict[str, Any]], stream: str) -> Counter[bytes]:
    """Count equal records of a stream; of a full table only those under the version that was last activated."""
    messages = list(messages)
    active = [m["version"] for m in messages if m["type"] == "ACTIVATE_VERSION" and m["stream"] == stream]
    return Counter(
        exact.canonical(exact.dumps(message["record"]))
        for message in messages
        if message["type"] == "RECORD" and message["stream"] == stream
        if "version" not in message or (active and message["version"] == active[-1])
    )


def source_records(api: Marketplace, stream: str) -> Counter[bytes]:
    """Count equal records of a stream in the API."""
    return Counter(exact.canonical(exact.dumps(record)) for record in api.records(stream))
