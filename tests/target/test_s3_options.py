"""Each S3 option is checked when it is read, and stands in every request of a run where S3 takes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import boto3.session
import pytest

from lake.catalog import Catalog
from target_datalake.config import load_config
from target_datalake.errors import ConfigError, StorageError
from target_datalake.s3_bucket import Bucket
from target_datalake.s3_options import S3Options
from tests.places import LakePlace, make_s3_place
from tests.target.world import World, record, schema, state

if TYPE_CHECKING:
    from tests.s3_proxy import S3Proxy, Seen

CREATING = {"PutObject", "CreateMultipartUpload", "CopyObject"}


@pytest.fixture
def place(s3_endpoint: str, s3_proxy: S3Proxy, aws_credentials: None) -> LakePlace:
    s3_proxy.reset()
    return make_s3_place(s3_endpoint).through(s3_proxy.url)


def run(place: LakePlace, folder, proxy: S3Proxy, **options) -> list[Seen]:
    """Run the target twice, with records that land and records that are rejected, and return its requests."""
    world = World(place.through(proxy.url, **options), folder)
    proxy.reset()
    world.run(schema(), record(1), record("x"), state(1))
    world.log.storage.lock("_lake/lock/shop.lock")
    world.run(schema(), record(2), state(2))
    Bucket(place.path, S3Options(**world.place.s3), lambda _: None).copy("_lake/lock/@probe", "landing/copied")
    assert {"PutObject", "CreateMultipartUpload", "UploadPart", "ListObjectsV2", "CopyObject"} <= proxy.operations()
    return proxy.seen


def test_the_expected_owner_stands_in_every_request(place, tmp_path, s3_proxy):
    seen = run(place, tmp_path, s3_proxy, expected_bucket_owner="111122223333")
    assert {request.headers.get("x-amz-expected-bucket-owner") for request in seen} == {"111122223333"}
    copied = next(request for request in seen if request.operation == "CopyObject")
    assert copied.headers["x-amz-source-expected-bucket-owner"] == "111122223333"


@pytest.mark.fake_s3
def test_the_key_encrypts_every_object(place, tmp_path, s3_proxy):
    for request in run(place, tmp_path, s3_proxy, kms_key_id="alias/lake"):
        named = request.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        assert named == ("alias/lake" if request.operation in CREATING else None), request
        assert (request.headers.get("x-amz-server-side-encryption") == "aws:kms") == (named is not None)


def test_the_tags_are_on_every_object(place, tmp_path, s3_proxy):
    tags = {"team": "data + more", "cost-centre": "a=b"}
    for request in run(place, tmp_path, s3_proxy, tags=tags):
        sent = {key: value for key, (value,) in parse_qs(request.headers.get("x-amz-tagging", "")).items()}
        assert sent == (tags if request.operation in CREATING else {}), request


def test_the_storage_class_is_that_of_data_files_only(place, tmp_path, s3_proxy):
    data = set()
    for request in run(place, tmp_path, s3_proxy, storage_class="STANDARD_IA"):
        is_data = request.operation in CREATING and "/landing/" in request.key
        assert request.headers.get("x-amz-storage-class") == ("STANDARD_IA" if is_data else None), request
        data |= {request.operation} if is_data else set()
    assert data == {"CreateMultipartUpload", "CopyObject"}


@pytest.mark.fake_s3
def test_the_region_is_signed_for(place, tmp_path, s3_proxy):
    seen = run(place, tmp_path, s3_proxy, region="eu-central-1")
    assert all("/eu-central-1/s3/aws4_request" in request.headers["authorization"] for request in seen)


def test_what_is_written_carries_its_digest(place, tmp_path, s3_proxy):
    for request in run(place, tmp_path, s3_proxy):
        assert ("content-md5" in request.headers) == (request.operation in {"PutObject", "UploadPart"}), request


def test_a_staged_file_names_its_commit(place, tmp_path, s3_proxy):
    for request in run(place, tmp_path, s3_proxy):
        if request.operation == "CreateMultipartUpload":
            assert f"-{request.headers['x-amz-meta-lake-commit']}." in request.key


@pytest.mark.fake_s3
def test_a_profile_brings_its_credentials(place, tmp_path, s3_proxy, monkeypatch):
    (tmp_path / "credentials").write_text("[lake]\naws_access_key_id = FROMPROFILE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    seen = run(place, tmp_path, s3_proxy, profile="lake")
    assert all("Credential=FROMPROFILE/" in request.headers["authorization"] for request in seen)


@pytest.mark.fake_s3
def test_a_role_is_assumed_with_its_external_id_and_again_before_it_expires(
    place, s3_endpoint, s3_proxy, tmp_path, monkeypatch
):
    sts = FakeSts()
    monkeypatch.setattr("boto3.session.Session.client", sts.client_or(boto3.session.Session.client))
    role = "arn:aws:iam::111122223333:role/lake"
    storage = World(place.through(s3_proxy.url, role_arn=role, external_id="ours"), tmp_path).log.storage
    s3_proxy.reset()
    storage.put("x", b"")
    storage.put("x", b"")
    assert sts.asked == [{"RoleArn": role, "RoleSessionName": "rest-datalake", "ExternalId": "ours"}] * 2
    tokens = [request.headers["x-amz-security-token"] for request in s3_proxy.seen]
    assert tokens == ["token-1", "token-2"]


def test_max_attempts_bounds_how_often_a_request_is_sent(place, tmp_path, s3_proxy):
    for attempts in (1, 3):
        storage = World(place.through(s3_proxy.url, max_attempts=attempts), tmp_path).log.storage
        s3_proxy.reset("503", at=range(100))
        with pytest.raises(StorageError, match="SlowDown"):
            storage.read("x")
        assert len(s3_proxy.seen) == attempts


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"endpoint": "http://localhost"}, 'did you mean "endpoint_url"'),
        ({"kms_key": "x"}, 'did you mean "kms_key_id"'),
        ({"bucket_owner": "1"}, 'did you mean "expected_bucket_owner"'),
        ({"aws_access_key_id": "AKIA"}, "the keys here are"),
        ({"endpoint_url": "localhost:9000"}, "http(s)://host[:port]"),
        ({"endpoint_url": "https://key:s3cr3t@host"}, "without credentials"),
        ({"region": "EU (Frankfurt)"}, "eu-central-1"),
        ({"role_arn": "lake-writer"}, "arn:aws:iam::111122223333:role/lake-writer"),
        ({"external_id": "ours"}, '"external_id" is given without "role_arn"'),
        ({"storage_class": "GLACIER"}, "STANDARD_IA"),
        ({"tags": {"a": 1}}, "expected string"),
        ({"tags": {str(n): "" for n in range(11)}}, "Up to ten tags"),
        ({"expected_bucket_owner": 111122223333}, "expected string"),
        ({"expected_bucket_owner": "me"}, "twelve digits"),
        ({"max_attempts": 0}, "1 to 100"),
        ({"profile": ""}, "A profile of"),
    ],
)
def test_a_wrong_option_says_how_to_mend_it(tmp_path, options, says):
    (tmp_path / "config.json").write_text(json.dumps({"path": "s3://bucket/lake", "s3": options}))
    with pytest.raises(ConfigError) as caught:
        load_config(str(tmp_path / "config.json"))
    assert says in caught.value.show()
    assert "/s3" in caught.value.where
    assert "s3cr3t" not in caught.value.show()
    assert "AKIA" not in caught.value.show()


def test_options_of_a_lake_on_a_disk_are_refused_since_nothing_would_read_them(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"path": "lake", "s3": {"region": "eu-central-1"}}))
    with pytest.raises(ConfigError, match="not on S3"):
        load_config(str(tmp_path / "config.json"))


def test_a_catalogs_options_are_checked_like_a_configurations():
    with pytest.raises(ConfigError, match="unknown key"):
        Catalog("s3://bucket/lake", s3={"regoin": "eu-central-1"})


class FakeSts:
    """An STS whose credentials are good for a moment only."""

    def __init__(self) -> None:
        self.asked = []

    def client_or(self, real):
        return lambda session, name, **more: self if name == "sts" else real(session, name, **more)

    def assume_role(self, **arguments):
        self.asked.append(arguments)
        number = len(self.asked)
        return {
            "Credentials": {
                "AccessKeyId": f"KEY{number}",
                "SecretAccessKey": "secret",
                "SessionToken": f"token-{number}",
                "Expiration": datetime.now(UTC) + timedelta(minutes=5),  # mandatory refresh begins ten minutes before
            }
        }
