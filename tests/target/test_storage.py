"""Storage: what is staged is unseen, what is published is whole, what was put first stays."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from target_datalake.errors import ConfigError, CredentialsError, HeldError, NotFoundError, StorageError
from target_datalake.storage import StagedFile, Storage
from target_datalake.stores import open_storage
from tests.places import S3_SERVER, LakePlace, make_s3_place

KEY = "landing/shop/orders/load_date=2026-01-31/00000001-00-aaaa.parquet"


@pytest.fixture
def storage(lake_place) -> Storage:
    return open_storage(lake_place.path, scratch="shop", s3=lake_place.s3)


def stage(storage: Storage, key: str = KEY, data: bytes = b"rows") -> StagedFile:
    writer = storage.stage(key)
    writer.write(data)
    return writer.finish()


def keys(storage: Storage, prefix: str = "landing") -> list[str]:
    return [file.key for file in storage.list(prefix)]


def test_a_staged_file_is_unseen_until_it_is_published(storage):
    staged = stage(storage)
    assert keys(storage) == []
    with pytest.raises(NotFoundError):
        storage.read(KEY)
    storage.publish(staged)
    assert keys(storage) == [KEY]
    assert storage.read(KEY) == b"rows"


def test_publishing_again_changes_nothing(storage):
    staged = stage(storage)
    storage.publish(staged)
    storage.publish(staged)
    assert storage.read(KEY) == b"rows"


def test_a_staged_file_tells_its_size_and_digest(storage):
    data = os.urandom(20 << 20)
    writer = storage.stage(KEY)
    for start in range(0, len(data), 3 << 20):
        writer.write(memoryview(data)[start : start + (3 << 20)])
    staged = writer.finish()
    storage.publish(staged)
    assert (staged.bytes, staged.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert storage.read(KEY) == data


def test_discarding_twice_is_no_error(storage):
    staged = stage(storage)
    storage.discard(staged)
    storage.discard(staged)
    assert storage.sweep(("landing/shop",), lambda _: True) == 0


def test_an_aborted_file_leaves_nothing(storage):
    writer = storage.stage(KEY)
    writer.write(b"rows")
    writer.abort()
    assert storage.sweep(("landing/shop",), lambda _: True) == 0


def test_a_sweep_removes_what_a_dead_run_staged_and_spares_what_is_published(storage):
    storage.publish(stage(storage))
    stage(storage, KEY.replace("-00-", "-01-"))
    assert storage.sweep(("landing/shop",), lambda _: True) == 1
    assert storage.sweep(("landing/shop",), lambda _: True) == 0
    assert keys(storage) == [KEY]


def test_the_first_put_if_absent_wins_and_its_bytes_stay(storage):
    assert storage.put_if_absent("_lake/log/shop/1.json", b"first")
    assert not storage.put_if_absent("_lake/log/shop/1.json", b"second")
    assert storage.read("_lake/log/shop/1.json") == b"first"


def test_put_replaces_as_a_whole(storage):
    storage.put("_lake/runs/shop/1.json", b"one")
    storage.put("_lake/runs/shop/1.json", b"two")
    assert storage.read("_lake/runs/shop/1.json") == b"two"


def test_listing_is_sorted_recursive_and_knows_sizes(storage):
    for name in ("b/2", "a/10", "a/9"):
        storage.put(f"_lake/x/{name}", name.encode())
    storage.put("_lake/xy/other", b"")
    assert [(file.key, file.bytes) for file in storage.list("_lake/x")] == [
        ("_lake/x/a/10", 4),
        ("_lake/x/a/9", 3),
        ("_lake/x/b/2", 3),
    ]
    assert list(storage.list("_lake/nothing")) == []


def test_listing_begins_after_a_key(storage):
    for name in "abc":
        storage.put(f"_lake/x/{name}", b"")
    assert [file.key for file in storage.list("_lake/x", after="_lake/x/a")] == ["_lake/x/b", "_lake/x/c"]
    assert list(storage.list("_lake/x", after="_lake/x/c")) == []


def test_folders_are_those_directly_below(storage):
    for key in ("_lake/log/b/1", "_lake/log/a%20b/deep/2", "_lake/logs/c/3", "_lake/log/file"):
        storage.put(key, b"")
    assert list(storage.folders("_lake/log")) == ["a%20b", "b"]
    assert list(storage.folders("_lake/nothing")) == []


def test_a_file_that_was_moved_stands_under_its_new_key_only(storage):
    storage.put("_lake/merge/shop/1", b"rows")
    storage.move("_lake/merge/shop/1", KEY)
    storage.move("_lake/merge/shop/1", KEY)
    assert storage.read(KEY) == b"rows"
    assert keys(storage, "_lake/merge") == []


def test_a_file_that_is_nowhere_cannot_be_moved(storage):
    with pytest.raises(NotFoundError):
        storage.move("_lake/merge/shop/1", KEY)


def test_deleting_what_is_not_there_is_no_error(storage):
    storage.put("_lake/x/1", b"")
    storage.delete("_lake/x/1")
    storage.delete("_lake/x/1")
    assert keys(storage, "_lake/x") == []


def test_open_reads_at_random(storage):
    storage.put("_lake/x/1", b"0123456789")
    with storage.open("_lake/x/1") as file:
        file.seek(-3, os.SEEK_END)
        assert file.read() == b"789"


class TestLocal:
    @pytest.fixture
    def local(self, tmp_path) -> Storage:
        return open_storage(str(tmp_path / "lake"), scratch="shop")

    def test_publishing_what_is_nowhere_is_not_found(self, local):
        staged = stage(local)
        local.discard(staged)
        with pytest.raises(NotFoundError):
            local.publish(staged)

    def test_nothing_but_published_files_stands_under_landing_while_staging(self, local, tmp_path):
        stage(local)
        assert not (tmp_path / "lake" / "landing").exists()

    def test_a_held_lock_is_refused_at_once_and_let_go_on_close(self, local):
        lock = local.lock("_lake/lock/shop.lock")
        with pytest.raises(HeldError):
            local.lock("_lake/lock/shop.lock")
        lock.close()
        local.lock("_lake/lock/shop.lock").close()

    def test_rejects_and_run_records_are_their_owners_only(self, local, tmp_path):
        writer = local.stage("_lake/rejected/shop/orders/00000001-00-aaaa.jsonl.gz", private=True)
        writer.write(b"{}")
        local.publish(writer.finish())
        local.put("_lake/runs/shop/1.json", b"{}", private=True)
        for path in ("_lake/rejected/shop/orders/00000001-00-aaaa.jsonl.gz", "_lake/runs/shop/1.json"):
            file = tmp_path / "lake" / path
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "lake" / "_lake").stat().st_mode) & 0o055 == 0o055

    def test_a_symbolic_link_in_the_staging_folder_is_refused(self, local, tmp_path):
        stage(local)
        scratch = tmp_path / "lake" / "_lake" / "tmp" / "shop"
        victim = tmp_path / "victim"
        victim.write_text("precious")
        (scratch / "00000001-09-aaaa.parquet").symlink_to(victim)
        with pytest.raises(StorageError):
            local.stage(KEY.replace("-00-", "-09-"))
        assert victim.read_text() == "precious"

    def test_an_unwritable_lake_says_so(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError) as caught:
            open_storage(str(tmp_path / "file" / "lake"), scratch="shop").put("x", b"")
        assert caught.value.exit_code == 6
        assert "choose another path" in caught.value.fix


class TestS3:
    @pytest.fixture
    def s3_place(self, s3_endpoint, aws_credentials) -> LakePlace:
        return make_s3_place(s3_endpoint)

    @pytest.fixture
    def s3(self, s3_place) -> Storage:
        return open_storage(s3_place.path, s3=s3_place.s3)

    def test_an_upload_of_a_later_commit_survives_a_sweep(self, s3):
        live = stage(s3, KEY.replace("00000001", "00000007"))
        assert s3.sweep(("landing/shop",), lambda key: "00000001" in key) == 0
        s3.publish(live)
        assert s3.read(live.key) == b"rows"

    def test_a_missing_bucket_says_so(self, s3_place):
        storage = open_storage("s3://no-such-bucket-here/lake", s3=s3_place.s3)
        with pytest.raises(StorageError, match="no such bucket"):
            storage.put("x", b"")

    @pytest.mark.parametrize(("stands", "error"), [(b"", NotFoundError), (b"row", StorageError), (b"rows", None)])
    def test_an_upload_that_is_gone_was_published_only_if_its_object_stands_in_full(self, s3, stands, error):
        staged = stage(s3)
        if stands:
            s3.put(KEY, stands)
        gone = ClientError({"Error": {"Code": "NoSuchUpload"}}, "CompleteMultipartUpload")
        with pytest.MonkeyPatch.context() as patch:  # moto answers a second completion with 200, or with a 500
            patch.setattr(s3._bucket._client, "complete_multipart_upload", Mock(side_effect=gone))
            if error is None:
                s3.publish(staged)
            else:
                with pytest.raises(error):
                    s3.publish(staged)

    @pytest.mark.parametrize("code", ["InvalidAccessKeyId", "ExpiredToken", "SignatureDoesNotMatch"])
    def test_refused_credentials_have_their_own_exit_code(self, s3, code):
        refused = ClientError({"Error": {"Code": code}}, "PutObject")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(s3._bucket._client, "put_object", Mock(side_effect=refused))
            with pytest.raises(CredentialsError) as caught:
                s3.put("x", b"")
        assert caught.value.exit_code == 3

    def test_no_credentials_at_all_say_what_to_set(self, s3_place, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        with pytest.raises(CredentialsError, match="no usable S3 credentials"):
            open_storage(s3_place.path, s3=s3_place.s3).put("x", b"")

    def test_a_path_without_bucket_is_a_configuration_error(self):
        with pytest.raises(ConfigError):
            open_storage("s3://", s3={})

    def test_a_lake_that_was_staged_on_a_disk_and_copied_is_published_already(self, s3):
        copied = StagedFile(KEY, 4, hashlib.sha256(b"rows").hexdigest())
        with pytest.raises(NotFoundError):
            s3.publish(copied)
        s3.put(KEY, b"rows")
        s3.publish(copied)

    def test_an_object_of_another_commit_is_not_taken_for_ours(self, s3):
        staged = stage(s3)
        s3.publish(staged)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("target_datalake.s3_storage.commit_id_of", lambda _: "another")
            with pytest.raises(StorageError, match="not the file that the log names"):
                s3.publish(StagedFile(KEY, 4, staged.sha256))

    def test_a_list_of_more_than_a_page_is_whole(self, s3, monkeypatch):
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")  # a real server has its own 1,000
        names = [f"_lake/many/{number:02d}" for number in range(8)]
        for name in names:
            s3.put(name, b"")
        assert keys(s3, "_lake/many") == names

    @pytest.mark.skipif(S3_SERVER == "moto", reason="the fake S3 lists all uploads at once: make s3 has pages")
    def test_more_uploads_than_a_page_are_all_swept(self, s3):
        staged = [KEY.replace("00000001", f"{number:08d}") for number in range(1005)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: s3._bucket.create_upload(key, "aaaa"), staged))
        assert s3.sweep(("landing/shop",), lambda _: True) == 1005
        assert s3.sweep(("landing/shop",), lambda _: True) == 0
