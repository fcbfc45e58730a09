"""A store that ignores conditions is found out by one probe, and a lock object keeps two writers of a source apart."""

from __future__ import annotations

import logging
import time

import pytest

from target_datalake import s3_lock
from target_datalake.errors import HeldError
from target_datalake.s3_storage import PROBE_KEY, S3Storage
from tests.places import LakePlace, make_s3_place
from tests.s3_proxy import S3Proxy
from tests.target.world import World, record, schema, state

pytestmark = pytest.mark.fake_s3  # a header that a proxy drops was signed for, and a real server checks

LOCK = "_lake/lock/shop.lock"


@pytest.fixture
def place(s3_endpoint: str, aws_credentials: None) -> LakePlace:
    return make_s3_place(s3_endpoint)


@pytest.fixture
def careless_proxy(s3_endpoint: str) -> S3Proxy:
    """A store that does not know If-None-Match."""
    with S3Proxy(s3_endpoint, ignored=frozenset({"if-none-match"})) as proxy:
        yield proxy


@pytest.fixture
def careless(careless_proxy: S3Proxy, place: LakePlace) -> LakePlace:
    return place.through(careless_proxy.url)


def storage_at(place: LakePlace, sleep=lambda _: None) -> S3Storage:
    return S3Storage(place.path, place.s3, sleep)


def test_a_store_that_honours_conditions_is_asked_once_and_needs_no_lock(place, s3_proxy):
    first = storage_at(place)
    assert first.lock(LOCK) is None
    s3_proxy.reset()
    second = storage_at(place.through(s3_proxy.url))
    assert second.lock(LOCK) is None
    assert second.put_if_absent("x", b"1")
    assert [request.key.rpartition("/")[2] for request in s3_proxy.seen] == ["@probe", "x"]


def test_a_store_that_ignores_them_is_told_of_and_locked(careless, caplog):
    caplog.set_level(logging.WARNING)
    first, second = storage_at(careless), storage_at(careless)
    lock = first.lock(LOCK)
    assert "ignores If-None-Match" in caplog.text
    with pytest.raises(HeldError, match="process"):
        second.lock(LOCK)
    lock.close()
    second.lock(LOCK).close()
    assert [file.key for file in first.list("_lake/lock")] == [PROBE_KEY]


def test_one_that_refuses_the_header_is_locked_too(place, s3_proxy, monkeypatch):
    monkeypatch.setitem(s3_proxy.errors, "501", (501, "NotImplemented"))
    storage = storage_at(place.through(s3_proxy.url))
    s3_proxy.reset("501", [0])
    lock = storage.lock(LOCK)
    assert lock is not None
    lock.close()


def test_the_first_put_wins_there_too(careless):
    storage = storage_at(careless)
    assert storage.put_if_absent("x", b"1")
    assert not storage.put_if_absent("x", b"2")
    assert storage.read("x") == b"1"


def test_of_two_that_take_it_at_once_the_last_to_write_has_it(careless):
    second = storage_at(careless)
    locks = []
    first = storage_at(careless, sleep=lambda _: locks.append(take_over(second)) if not locks else None)
    with pytest.raises(HeldError):
        first.lock(LOCK)
    locks[0].close()


def take_over(storage: S3Storage):
    """Take the lock as one does who had looked before the other wrote."""
    storage.delete(LOCK)
    return storage.lock(LOCK)


def test_a_lock_nobody_renewed_may_be_taken_and_its_old_holder_writes_no_more(careless, monkeypatch):
    first, second = storage_at(careless), storage_at(careless)
    lock = first.lock(LOCK)
    monkeypatch.setattr(s3_lock, "STALE_SECONDS", -1)
    with pytest.raises(HeldError):  # at -1 even our own new lock is stale
        second.lock(LOCK)
    monkeypatch.undo()
    with pytest.raises(HeldError):
        first.put_if_absent("_lake/log/shop/1.json", b"{}")
    assert list(first.list("_lake/log")) == []
    lock.close()


def test_a_child_writes_under_its_parents_lock(careless):
    parent, child = storage_at(careless), storage_at(careless)
    lock = parent.lock(LOCK)
    assert child.lock(LOCK, lock.fileno()) is None
    assert child.put_if_absent("x", b"1")
    lock.close()
    with pytest.raises(HeldError):
        child.put_if_absent("y", b"1")


def test_a_holder_renews_its_lock(careless, careless_proxy, monkeypatch):
    monkeypatch.setattr(s3_lock, "RENEW_SECONDS", 0.01)
    lock = storage_at(careless).lock(LOCK)
    while sum(seen.operation == "PutObject" and seen.key.endswith(LOCK) for seen in [*careless_proxy.seen]) < 3:
        time.sleep(0.01)
    lock.close()


@pytest.mark.parametrize("damage", [b"damaged", b'{"host": "\xe8", "pid": 1, "id": "x"}'])
def test_a_writer_whose_lock_was_overwritten_stops(careless, damage):
    storage = storage_at(careless)
    lock = storage.lock(LOCK)
    storage.put(LOCK, damage)
    with pytest.raises(HeldError):
        storage.put_if_absent("x", b"1")
    lock.close()


def test_a_whole_run_on_such_a_store_lands_once(careless, tmp_path):
    world = World(careless, tmp_path)
    for number in (1, 2):
        lock = storage_at(careless).lock(LOCK)
        world.run(schema(), record(number), state(number))
        lock.close()
    assert world.ids() == [1, 2]
