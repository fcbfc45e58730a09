"""Files that arrive: seen once they are whole, each once, on a disk and in a bucket."""

from __future__ import annotations

import os

import boto3
import pytest

from lake.schedule.arrivals import FORGOTTEN_SECONDS, SETTLED_SECONDS, Buckets, Found, look, observe, take, whole
from tests.places import REGION, make_s3_place

NOW = 1_750_000_000.0


def after(*looks: tuple[float, dict[str, Found]]):
    known = {}
    for seconds, found in looks:
        known = observe(known, found, NOW + seconds)
    return known


def test_a_file_that_was_written_before_counts_at_once():
    assert whole(after((0, {"a": Found("1", NOW - 60)})), NOW) == ["a"]


def test_a_file_that_is_being_written_does_not_count_until_it_has_settled():
    known = after(*((n, {"a": Found(str(n), NOW + n)}) for n in range(100)))
    assert whole(known, NOW + 99) == []
    known = observe(known, {"a": Found("99", NOW + 99)}, NOW + 99 + SETTLED_SECONDS)
    assert whole(known, NOW + 99 + SETTLED_SECONDS) == ["a"]


def test_a_server_whose_clock_is_ahead_delays_a_file_no_longer_than_any():
    known = after((0, {"a": Found("1", NOW + 86_400)}), (SETTLED_SECONDS, {"a": Found("1", NOW + 86_400)}))
    assert whole(known, NOW + SETTLED_SECONDS) == ["a"]


def test_a_file_that_was_taken_stays_so_while_a_mount_is_away():
    known = take(after((0, {"a": Found("1", 0)})), ["a"])
    known = observe(known, {}, NOW + 60)
    known = observe(known, {"a": Found("1", 0)}, NOW + 120)
    assert whole(known, NOW + 120) == []


def test_a_file_that_is_gone_is_no_job_and_is_forgotten_in_the_end():
    known = after((0, {"a": Found("1", 0)}), (1, {}))
    assert whole(known, NOW + 100) == []
    assert "a" in observe(known, {}, NOW + FORGOTTEN_SECONDS)
    assert observe(known, {}, NOW + 1 + FORGOTTEN_SECONDS) == {}


def test_nothing_is_written_anew_where_nothing_has_changed():
    known = after((0, {"a": Found("1", 0)}), (1, {}))
    assert observe(known, {}, NOW + 60) == known


def test_a_look_into_folders(tmp_path):
    for name in ("in/a.csv", "in/.hidden.csv", "in/b.csv.part", "in/deep/er/c.csv", "in/folder.csv/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "in" / "nothing.csv").symlink_to(tmp_path / "gone")
    assert list(look(f"{tmp_path}/in/*.csv", Buckets({}))) == [f"{tmp_path}/in/a.csv"]
    assert sorted(look(f"{tmp_path}/in/**/*.csv", Buckets({}))) == [
        f"{tmp_path}/in/a.csv",
        f"{tmp_path}/in/deep/er/c.csv",
    ]
    assert look(f"{tmp_path}/no/such/*.csv", Buckets({})) == {}


def test_a_file_renamed_over_another_is_another(tmp_path):
    for name in ("a.csv", "new"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (1, 1))
    before = look(f"{tmp_path}/*.csv", Buckets({}))
    (tmp_path / "new").rename(tmp_path / "a.csv")
    assert look(f"{tmp_path}/*.csv", Buckets({})) != before


@pytest.mark.usefixtures("aws_credentials")
def test_a_look_into_a_bucket(s3_endpoint):
    place = make_s3_place(s3_endpoint)
    bucket = place.path.removeprefix("s3://").partition("/")[0]
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name=REGION)
    for key in ("in/a.csv", "in/.b.csv", "in/deep/c.csv", "in/", "other/d.csv", "inner/e.csv"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    buckets = Buckets(place.s3)
    found = look(f"s3://{bucket}/in/*.csv", buckets)
    assert list(found) == [f"s3://{bucket}/in/a.csv"]
    assert sorted(look(f"s3://{bucket}/in/**/*.csv", buckets)) == [
        f"s3://{bucket}/in/a.csv",
        f"s3://{bucket}/in/deep/c.csv",
    ]
    known = observe({}, found, NOW)
    assert whole(known, NOW) == [f"s3://{bucket}/in/a.csv"]
    client.put_object(Bucket=bucket, Key="in/a.csv", Body=b"y")
    assert look(f"s3://{bucket}/in/*.csv", buckets) != found
