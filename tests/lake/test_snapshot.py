from __future__ import annotations

import pytest

from lake.errors import UsageError
from lake.snapshot import landed_files, rejected_files, select_commits, stream_history
from target_datalake.commits import ActiveVersion, Commit, DataFile, StreamCounts


def file(key: str, version: int | None = None, stream: str = "orders") -> DataFile:
    return DataFile(key=key, stream=stream, rows=1, bytes=10, sha256="0", schema="s1", version=version)


def commit(n: int, *add: DataFile, active: tuple[int, int] | None = None, remove: tuple[str, ...] = ()) -> Commit:
    """Return a commit; `active` is the active version of `orders` and the commit that activated it."""
    return Commit(
        n=n,
        id=f"id{n}",
        parent=f"id{n - 1}",
        source="shop",
        run="run",
        committed_at="2026-01-31T12:00:00Z",
        state="{}",
        streams={each.stream: StreamCounts(1, 1, 0) for each in add},
        schemas={"orders": "s1"},
        versions={"orders": ActiveVersion(*active)} if active else {},
        add=add,
        remove=remove,
    )


def keys(commits: list[Commit], **options: object) -> list[str]:
    return [each.key for each in landed_files(commits, "orders", "/lake", **options)]  # type: ignore[arg-type] # a table


PLAIN = [commit(1, file("a"), file("x", stream="shops")), commit(2, file("b")), commit(3, file("c"))]

VERSIONED = [
    commit(1, file("v1-a", 1)),
    commit(2, file("v1-b", 1), active=(1, 2)),
    commit(3, file("v2-a", 2), active=(1, 2)),
    commit(4, file("v2-b", 2), active=(2, 4)),
    commit(5, file("v3-a", 3), active=(2, 4)),
]


@pytest.mark.parametrize(
    ("commits", "options", "expected"),
    [
        pytest.param([], {}, [], id="an empty log has no files"),
        pytest.param(PLAIN, {}, ["a", "b", "c"], id="without versions every file is active"),
        pytest.param(PLAIN[:2], {}, ["a", "b"], id="as of a commit later files are not there"),
        pytest.param(PLAIN, {"since": 1}, ["b", "c"], id="since leaves out its own commit"),
        pytest.param(PLAIN, {"since": 3}, [], id="since the head there is nothing"),
        pytest.param(PLAIN, {"since": 9}, [], id="since a commit that is not there yet there is nothing"),
        pytest.param(VERSIONED, {}, ["v2-a", "v2-b"], id="only files of the active version"),
        pytest.param(VERSIONED[:3], {}, ["v1-a", "v1-b"], id="a version being landed is not active"),
        pytest.param(VERSIONED[:1], {}, ["v1-a"], id="before any activation all rows are there"),
        pytest.param(VERSIONED, {"since": 3}, ["v2-b"], id="since counts within the active version"),
        pytest.param(
            VERSIONED,
            {"versions": "all"},
            ["v1-a", "v1-b", "v2-a", "v2-b", "v3-a"],
            id="all versions: what a glob sees",
        ),
        pytest.param(
            [commit(1, file("old")), commit(2, file("same"), active=(1, 2)), commit(3, file("new"), active=(1, 2))],
            {},
            ["new"],
            id="files without a version count from after the activation",
        ),
        pytest.param(
            [*PLAIN, commit(4, file("ab"), remove=("a", "b"))],
            {},
            ["c", "ab"],
            id="what a later commit removed is not read",
        ),
        pytest.param(
            [*PLAIN, commit(4, file("ab"), remove=("a", "b"))],
            {"versions": "all"},
            ["c", "ab"],
            id="what was removed is not read as a version either",
        ),
    ],
)
def test_files_of_a_dataset(commits, options, expected):
    assert keys(commits, **options) == expected


def test_a_file_says_where_any_engine_finds_it():
    (first, *_) = landed_files(PLAIN, "orders", "s3://bucket/lake")
    assert (first.commit, first.uri) == (1, "s3://bucket/lake/a")


@pytest.mark.parametrize(("as_of", "expected"), [(None, 3), (0, 0), (1, 1), (3, 3)])
def test_as_of_is_inclusive(as_of, expected):
    assert len(select_commits(PLAIN, as_of)) == expected


@pytest.mark.parametrize("as_of", [-1, 4])
def test_as_of_a_commit_that_is_not_there_says_what_is(as_of):
    with pytest.raises(UsageError, match=f"no commit {as_of}: the last one is 3; use 0 to 3"):
        select_commits(PLAIN, as_of)


def test_history_tells_of_each_commit_of_the_stream_and_of_activations():
    commits = [*VERSIONED[:2], commit(3, active=(1, 2)), commit(4, active=(2, 4))]
    assert [(entry.commit, entry.files, entry.activated) for entry in stream_history(commits, "orders")] == [
        (1, 1, None),
        (2, 1, 1),
        (4, 0, 2),
    ]


def test_an_activation_of_the_same_version_again_is_told_too():
    commits = [commit(1, active=(1, 1)), commit(2, active=(1, 2))]
    assert [entry.activated for entry in stream_history(commits, "orders")] == [1, 1]


def test_rejected_files_are_the_streams_own():
    commits = [
        Commit(
            **{
                name: getattr(PLAIN[0], name)
                for name in Commit.__struct_fields__
                if name not in {"rejected", "add", "remove"}
            },
            rejected=(file("mine"), file("theirs", stream="shops"), file("gone")),
            remove=("gone",),
        )
    ]
    assert [each.key for each in rejected_files(commits, "orders")] == ["mine"]
