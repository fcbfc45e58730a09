"""The folder of a site: whole at every moment, and nobody else's file is ever touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lake.errors import UsageError
from lake.page.folder import MANIFEST, site_folder
from target_datalake.errors import StorageError

FIRST = {"index.html": b"1", "assets/page-1.css": b"css 1", "datasets/a.html": b"a"}
SECOND = {"index.html": b"2", "assets/page-2.css": b"css 2", "datasets/b.html": b"b"}


def publish(folder: Path, files: dict[str, bytes]) -> None:
    with site_folder(folder) as write:
        for path, content in files.items():
            write(path, content)


def held(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "site"


def test_a_folder_appears_whole_and_anyone_may_read_it(folder):
    with site_folder(folder) as write:
        for path, content in FIRST.items():
            write(path, content)
            assert not folder.exists()
    assert held(folder) == FIRST
    assert folder.stat().st_mode & 0o777 == 0o777 & ~current_mask()
    assert list(folder.parent.iterdir()) == [folder]


def test_a_second_site_takes_the_place_of_the_first(folder):
    publish(folder, FIRST)
    publish(folder, SECOND)
    assert held(folder) == SECOND


def test_what_others_put_there_stays(folder):
    publish(folder, FIRST)
    (folder / "CNAME").write_text("lake.example")
    (folder / "datasets" / "a.html").write_text("edited by hand")
    publish(folder, SECOND)
    assert held(folder) == {**SECOND, "CNAME": b"lake.example", "datasets/a.html": b"edited by hand"}


def test_an_empty_folder_is_filled_as_it_is(folder):
    folder.mkdir(mode=0o750)
    publish(folder, FIRST)
    assert held(folder) == FIRST
    assert folder.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"},
        {"index.html": "my page"},
        {MANIFEST: "not JSON"},
        {MANIFEST: '{"made_by": "lake page", "files": {"../../etc/passwd": "0"}}'},
        {MANIFEST: '{"made_by": "lake page", "files": {"/etc/passwd": "0"}}'},
    ],
    ids=["a file", "a page", "a broken manifest", "a manifest that leaves the folder", "an absolute path"],
)
def test_a_folder_of_others_is_refused_before_anything_is_read(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(UsageError), site_folder(folder):
        pytest.fail("it was entered")
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    folder.write_text("mine")
    with pytest.raises(UsageError):
        publish(folder, FIRST)
    assert folder.read_text() == "mine"


def test_a_file_of_others_under_a_page_s_name_is_not_replaced(folder):
    publish(folder, FIRST)
    (folder / "datasets" / "b.html").write_text("mine")
    with pytest.raises(UsageError, match="not ours"):
        publish(folder, SECOND)
    assert held(folder) == {**FIRST, "datasets/b.html": b"mine"}


def test_a_failure_on_the_way_leaves_everything_as_it_was(folder):
    publish(folder, FIRST)

    def fail() -> None:
        with site_folder(folder) as write:
            write("index.html", b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert held(folder) == FIRST
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("step", range(1, 10))
def test_a_crash_at_any_step_of_the_swap_leaves_whole_pages_that_the_next_run_completes(folder, step, monkeypatch):
    publish(folder, FIRST)
    steps = iter(range(1, 100))

    def crash_at(change):
        def changed(*arguments):
            if next(steps) == step:
                raise KeyboardInterrupt
            return change(*arguments)

        return changed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash_at(Path.replace))
        patch.setattr(Path, "unlink", crash_at(Path.unlink))
        try:
            publish(folder, SECOND)
        except KeyboardInterrupt:
            now = held(folder)
            assert all(content in {FIRST.get(path), SECOND.get(path)} for path, content in now.items())
            page = now["index.html"].decode()
            assert f"assets/page-{page}.css" in now  # a page's style is there as long as the page is
    publish(folder, SECOND)
    assert held(folder) == SECOND
    assert sorted(json.loads((folder / MANIFEST).read_text())["files"]) == sorted(SECOND)


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        publish(tmp_path / "file" / "site", FIRST)
    assert caught.value.exit_code == 6


def current_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
