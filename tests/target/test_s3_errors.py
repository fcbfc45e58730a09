"""What S3 or boto3 refuses becomes an error that says what to mend, with its exit code and nothing secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from target_datalake.errors import TargetError
from target_datalake.stores import open_storage
from tests.places import S3_SERVER, LakePlace, make_s3_place
from tests.s3_proxy import SECRET_ECHO
from tests.seaweedfs import READER_KEY


@pytest.fixture
def place(s3_endpoint: str, s3_proxy, aws_credentials: None) -> LakePlace:
    s3_proxy.reset()
    return make_s3_place(s3_endpoint).through(s3_proxy.url, max_attempts=1)


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        ((403, "InvalidAccessKeyId"), 3, "AWS_PROFILE"),
        ((403, "SignatureDoesNotMatch"), 3, "the credentials are wrong"),
        ((400, "InvalidToken"), 3, "the credentials are wrong"),
        ((400, "ExpiredToken"), 3, "the credentials have expired"),
        ((403, "RequestTimeTooSkewed"), 3, "clock"),
        ((403, "AccessDenied"), 6, "docs/s3.md"),
        ((404, "NoSuchBucket"), 6, "no such bucket"),
        ((400, "AuthorizationHeaderMalformed"), 6, "s3.region"),
        ((400, "KMS.NotFoundException"), 6, "s3.kms_key_id"),
        ((400, "KMS.DisabledException"), 6, "s3.kms_key_id"),
        ((400, "InvalidStorageClass"), 2, "s3.storage_class"),
        ((400, "InvalidTag"), 2, "s3.tags"),
        ((400, "InvalidBucketName"), 2, "path"),
        ((503, "SlowDown"), 6, "run again"),
        ((400, "SomethingNew"), 6, "S3 answers SomethingNew"),
    ],
)
def test_an_answer_says_what_to_mend(place, s3_proxy, monkeypatch, answer, exit_code, says):
    monkeypatch.setitem(s3_proxy.errors, "other", answer)
    storage = open_storage(place.path, s3=place.s3)
    s3_proxy.reset("other", range(9))
    with pytest.raises(TargetError) as caught:
        storage.put("_lake/x", b"")
    assert caught.value.exit_code == exit_code
    assert says in caught.value.show()
    assert f"{place.path}/_lake/x" in caught.value.where
    assert not any(word in caught.value.show() for word in SECRET_ECHO.split() if word.startswith(("AKIA", "sEcReT")))


def test_a_lacking_permission_is_named(place, s3_proxy, monkeypatch):
    told = "User: arn:aws:iam::1:user/x is not authorized to perform: kms:GenerateDataKey on resource: y"
    monkeypatch.setitem(s3_proxy.errors, "kms", (403, "AccessDenied", told))
    storage = open_storage(place.path, s3=place.s3)
    s3_proxy.reset("kms", range(9))
    with pytest.raises(TargetError, match="kms:GenerateDataKey is not allowed") as caught:
        storage.put("x", b"")
    assert "s3.kms_key_id" in caught.value.fix


@pytest.mark.parametrize(
    ("env", "options", "exit_code", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, {}, 3, "no usable S3 credentials"),
        ({"AWS_SECRET_ACCESS_KEY": None}, {}, 3, "no usable S3 credentials"),
        ({}, {"profile": "nobody"}, 3, "nobody"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_CONFIG_FILE": "{folder}/config"}, {"profile": "broken"}, 3, "gave none"),
        ({}, {"endpoint_url": "http://127.0.0.1:9"}, 6, "s3.endpoint_url"),
        ({}, {"external_id": "ours"}, 2, "role_arn"),
        ({}, {"buckets": 1}, 2, "unknown key"),
    ],
)
def test_the_program_ends_with_a_message_and_no_traceback(place, tmp_path, env, options, exit_code, says):
    (tmp_path / "config").write_text("[profile broken]\ncredential_process = sh -c 'echo s3cr3t >&2; exit 1'\n")
    s3 = {**place.s3, **options}
    (tmp_path / "config.json").write_text(json.dumps({"path": place.path, "s3": s3}))
    done = run_target(tmp_path, env)
    assert done.returncode == exit_code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stderr


@pytest.mark.parametrize(
    ("path", "exit_code", "says"),
    [("s3://no-such-bucket-anywhere/lake", 6, "no such bucket"), ("s3://Not A Bucket!/lake", 2, "bucket's name")],
)
def test_a_wrong_bucket_is_named(place, tmp_path, path, exit_code, says):
    (tmp_path / "config.json").write_text(json.dumps({"path": path, "s3": place.s3}))
    done = run_target(tmp_path, {})
    assert done.returncode == exit_code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(S3_SERVER == "moto", reason="the fake S3 takes any credentials: make s3 has a server that checks")
@pytest.mark.parametrize(
    ("env", "exit_code", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, 3, "the credentials are wrong"),
        ({"AWS_ACCESS_KEY_ID": "wrong"}, 3, "the credentials are wrong"),
        ({"AWS_SESSION_TOKEN": "wrong"}, 3, "the credentials are wrong"),
        ({"AWS_ACCESS_KEY_ID": READER_KEY}, 6, "access is denied"),
    ],
)
def test_a_server_that_checks_refuses_other_credentials(place, tmp_path, env, exit_code, says):
    (tmp_path / "config.json").write_text(json.dumps({"path": place.path, "s3": place.s3}))
    done = run_target(tmp_path, env)
    assert done.returncode == exit_code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def run_target(folder, env: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Run the target on a little input, with some variables set, and those without value unset."""
    away = {**os.environ, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    set_here = {name: value.format(folder=folder) for name, value in env.items() if value is not None}
    environment = {**{name: value for name, value in away.items() if name not in env}, **set_here}
    command = [sys.executable, "-m", "target_datalake.cli", "-c", "config.json"]
    lines = '{"type": "STATE", "value": {"at": 1}}\n'
    return subprocess.run(
        command, cwd=folder, env=environment, input=lines, capture_output=True, text=True, check=False, timeout=60
    )
