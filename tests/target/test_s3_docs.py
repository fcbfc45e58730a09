"""docs/s3.md tells the truth: its options load, its policies allow just what the code asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lake.catalog import Catalog
from target_datalake.config import load_config, load_schema
from target_datalake.errors import RejectedError
from target_datalake.lake_format import check_format
from target_datalake.s3_bucket import OPERATIONS
from tests.places import make_s3_place
from tests.target.world import World, record, schema, state

DOCS = (Path(__file__).parents[2] / "docs" / "s3.md").read_text("utf-8")

ACTIONS = {
    "GetObject": {"s3:GetObject"},
    "HeadObject": {"s3:GetObject"},
    "PutObject": {"s3:PutObject"},
    "CopyObject": {"s3:GetObject", "s3:PutObject"},
    "DeleteObject": {"s3:DeleteObject"},
    "CreateMultipartUpload": {"s3:PutObject"},
    "UploadPart": {"s3:PutObject"},
    "CompleteMultipartUpload": {"s3:PutObject"},
    "AbortMultipartUpload": {"s3:AbortMultipartUpload"},
    "ListObjectsV2": {"s3:ListBucket"},
    "ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
}
"""What S3's reference says each operation needs."""

OF_THE_BUCKET = {"s3:ListBucket", "s3:ListBucketMultipartUploads"}


def policy(name: str) -> set[str]:
    """Return the actions that a policy of the docs allows, each on the right resource."""
    text = re.search(rf"<!-- policy: {name} -->\n```json\n(.*?)```", DOCS, re.DOTALL)[1]
    allowed = set()
    for statement in json.loads(text)["Statement"]:
        actions = statement["Action"]
        actions = {actions} if isinstance(actions, str) else set(actions)
        of_the_bucket = statement["Resource"] == "arn:aws:s3:::my-bucket"
        assert actions <= OF_THE_BUCKET if of_the_bucket else not actions & OF_THE_BUCKET
        allowed |= actions
    return allowed


def needed(operations: set[str]) -> set[str]:
    return set().union(*(ACTIONS[operation] for operation in operations))


@pytest.fixture
def world(s3_endpoint, s3_proxy, aws_credentials, tmp_path) -> World:
    s3_proxy.reset()
    return World(make_s3_place(s3_endpoint).through(s3_proxy.url, max_attempts=1), tmp_path)


def test_the_writers_policy_allows_what_a_lake_asks_for_and_nothing_else(world, s3_proxy):
    check_format(world.log.storage, write=True)
    world.run(schema(), record(1), record("x"), state(1))
    with pytest.raises(RejectedError):
        world.run(schema(), record("y"), state(2), on_invalid="fail")
    world.log.storage.put("_lake/merge/shop/1", b"")
    for _ in range(2):  # as compaction and erasure do, and as a recovery does again
        world.log.storage.move("_lake/merge/shop/1", "landing/merged")
    assert s3_proxy.operations() == {"".join(map(str.capitalize, name.split("_"))) for name in OPERATIONS}
    assert needed(s3_proxy.operations()) == policy("writer")


def test_the_readers_policy_allows_what_reading_asks_for_and_nothing_else(world, s3_proxy):
    check_format(world.log.storage, write=True)
    world.run(schema(), record(1), record("x"), state(1))
    s3_proxy.reset()
    orders = Catalog(world.place.path, s3=world.place.s3)["orders"]
    assert orders.read().num_rows == len(orders.rejected()) == 1
    assert needed(s3_proxy.operations()) == policy("reader")


def test_each_option_has_a_row_whose_example_loads(tmp_path):
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", DOCS, re.MULTILINE))
    assert set(rows) == set(load_schema()["properties"]["s3"]["properties"])
    options = {name: json.loads(example) for name, example in rows.items()}
    (tmp_path / "config.json").write_text(json.dumps({"path": "s3://bucket/lake", "s3": options}))
    assert load_config(str(tmp_path / "config.json")).s3 == options
