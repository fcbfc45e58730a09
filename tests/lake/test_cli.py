"""The commands that look at a lake, and what all commands share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lake import cli
from tests.lake.forked import run_lake
from tests.lake.programs import CATALOG, DISCOVERS, Stage
from tests.lake.writer import LakeWriter, Part, numbered, rejected

COMMANDS = tuple(cli.lake.commands)


def lake(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    if not options:
        done = run_lake(*arguments)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    command = [sys.executable, "-m", "lake.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload] # passed on


@pytest.fixture
def filled(local_lake: LakeWriter) -> LakeWriter:
    """Two streams, one of which has a rejected record."""
    broken = (rejected("/id", "expected integer, found string"),)
    local_lake.commit(Part(numbered(1, 2), rejected=broken), Part(numbered(3), stream="shops"))
    local_lake.commit(Part(numbered(4)), state='{"bookmarks": {"orders": {"at": "2026-01-31T00:00:00Z"}}}')
    return local_lake


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path, str(tmp_path / "lake"), {}, tap=DISCOVERS)


def size(writer: LakeWriter, stream: str) -> str:
    found = [file.bytes for commit in writer.published for file in commit.add if file.stream == stream]
    return f"{sum(found) / 1000:.1f} kB"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = lake(command, "--help")
    assert done.returncode == 0
    assert f"Example:\n    lake {command}" in done.stdout


def test_help_starts_without_the_heavy_libraries():
    heavy = {"pyarrow", "boto3", "requests", "singer", "rich", "msgspec", "jsonschema", "duckdb", "pandas"}
    code = f"import sys, lake, lake.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", ["status", "catalog"])
def test_a_look_at_a_local_lake_needs_no_arrow(filled, command):
    code = f"""
import sys
from lake import cli
sys.argv = ["lake", {command!r}, "--lake", {filled.place.path!r}]
try:
    cli.main()
finally:
    assert not {{"pyarrow", "boto3"}} & set(sys.modules), "loaded"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_catalog_lists_datasets(filled):
    done = lake("catalog", "--lake", filled.place.path)
    assert done.stdout.splitlines() == [
        "name    zone     source  rows  files   bytes  columns  last commit",
        f"orders  landing  shop       3      2  {size(filled, 'orders')}        2  2026-01-31 12:02Z",
        f"shops   landing  shop       1      1  {size(filled, 'shops')}        2  2026-01-31 12:01Z",
    ]


def test_the_catalog_as_json(filled):
    (orders, shops) = json.loads(lake("catalog", "--lake", filled.place.path, "--json").stdout)
    assert (orders["name"], orders["rows"], orders["files"], orders["last_commit"]) == ("orders", 3, 2, 2)
    assert orders["description"] == "Orders: What was ordered"
    assert (shops["name"], shops["zone"], shops["source"], shops["columns"]) == ("shops", "landing", "shop", 2)


def test_a_dataset_is_shown_with_its_columns_and_some_rows(filled):
    done = lake("show", "orders", "--lake", filled.place.path)
    assert done.stdout.splitlines() == [
        "landing.shop.orders",
        "Orders: What was ordered",
        f"rows 3 in 2 files, {size(filled, 'orders')}; commits 2; rejected 1; key: id",
        "",
        "column  type    description",
        "id      int64   The order's number",
        "name    string",
        "",
        "id  name",
        "4   order 4",
    ]


def test_a_dataset_as_json(filled):
    document = json.loads(lake("show", "orders", "--lake", filled.place.path, "--json", "--rows", "1").stdout)
    assert document["columns"][0] == {"name": "id", "type": "int64", "description": "The order's number"}
    assert (document["received"], document["rows"], document["rejected"]) == (4, 3, 1)
    assert [row["id"] for row in document["preview"]] == [4]


def test_values_are_shortened_and_never_obeyed_by_a_terminal(local_lake):
    local_lake.commit(Part([{"id": 1, "name": "\x1b[2J\n" + "x" * 100}]))
    shown = lake("show", "orders", "--lake", local_lake.place.path).stdout
    assert shown.endswith("id  name\n1   \\x1b[2J\\n" + "x" * 34 + "…\n")


def test_names_are_never_obeyed_by_a_terminal(local_lake):
    local_lake.commit(Part(numbered(1), stream="\x1b[2J"))
    for arguments in (["catalog"], ["show", "\x1b[2J"], ["show", "\x1b[2"]):
        done = lake(*arguments, "--lake", local_lake.place.path)
        assert "\x1b" not in done.stdout + done.stderr


def test_an_unknown_dataset_is_a_users_mistake(filled):
    done = lake("show", "oders", "--lake", filled.place.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: there is no dataset 'oders'\n  where: {filled.place.path}\n  fix:   did you mean 'orders'?\n"
    )


def test_a_status_without_a_run_record_shows_what_the_log_knows(filled):
    (status,) = json.loads(lake("status", "--lake", filled.place.path, "--json").stdout)
    assert (status["source"], status["outcome"], status["commit"], status["run"]) == ("shop", "unrecorded", 2, None)
    assert status["bookmark"] == "2026-01-31T00:00:00+00:00"
    assert status["bookmark_age_seconds"] > 0


@pytest.mark.parametrize("command", ["status", "catalog", "show"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--lake", "nowhere"], 2, "there is no such folder or configuration file", id="no folder"),
        pytest.param(["--lake", "."], 2, "there is no lake here", id="no lake"),
        pytest.param(["-c", "nowhere.json"], 2, "cannot read the configuration", id="no configuration"),
        pytest.param([], 2, "there is no config.json here", id="nothing named"),
        pytest.param(["-c", "x", "--lake", "y"], 2, "-c and --lake both name a lake", id="both"),
        pytest.param(["--lak", "y"], 2, "--lake", id="an option misspelt"),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(tmp_path, command, arguments, code, message):
    name = ["orders"] if command == "show" else []
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = lake(command, *name, *arguments, cwd=tmp_path, env=env)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_example_configuration_serves_where_there_is_no_other(filled, tmp_path):
    config = {"tap": {}, "target": {"path": filled.place.path, "source": "shop"}}
    (tmp_path / "config.example.json").write_text(json.dumps(config))
    done = lake("catalog", cwd=tmp_path)
    assert done.stderr == "Notice: there is no config.json; using config.example.json.\n"
    assert done.stdout.splitlines()[1].startswith("orders")


def test_discover_writes_the_catalog_and_shows_the_streams(stage):
    config = stage.config
    catalog = config.with_name("catalog.json")
    catalog.unlink()
    command = stage.command("discover", "-c", str(config))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "stream  selected  key  replication  fields",
        "orders  yes       -    -                 0",
        "shops   yes       -    -                 0",
        "notes   no        -    -                 0",
    ]
    assert done.stderr == f"Wrote {catalog}.\n"
    assert json.loads(catalog.read_text()) == CATALOG
    assert "--catalog" not in stage.told("discovered")
    assert sorted(path.name for path in stage.folder.iterdir() if "catalog" in path.name) == ["catalog.json"]


def test_discover_shows_the_tap_the_catalog_that_is_there(stage):
    command = stage.command("discover", "-c", str(stage.config))
    subprocess.run(command, capture_output=True, check=True)
    assert stage.told("discovered")[-2:] == ["--catalog", str(stage.config.with_name("catalog.json"))]


@pytest.mark.parametrize(
    ("tap", "code", "message"),
    [
        pytest.param("sys.exit(4)", 4, "the tap could not discover its streams", id="it fails"),
        pytest.param("os.kill(os.getpid(), 9)", 137, "the tap could not discover its streams", id="it is killed"),
        pytest.param("print('hello')", 1, "the tap printed no catalog", id="it prints something else"),
        pytest.param("print('{}')", 1, "the tap printed no catalog", id="it prints no streams"),
    ],
)
def test_a_discovery_that_fails_leaves_the_catalog_as_it_was(stage, tap, code, message):
    stage.tap = tap
    before = stage.config.with_name("catalog.json").read_bytes()
    command = stage.command("discover", "-c", str(stage.config))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert stage.config.with_name("catalog.json").read_bytes() == before


def test_a_catalog_that_cannot_be_written_is_told(stage):
    command = stage.command("discover", "-c", str(stage.config), "--catalog", str(stage.folder / "no" / "catalog.json"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "cannot write the catalog: No such file or directory" in done.stderr


def test_a_reader_that_leaves_early_is_no_bug(filled):
    """As in ``lake catalog | head -0``."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "lake.cli", "catalog", "--lake", filled.place.path]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", [["catalog"], ["export", "orders", "--format", "jsonl"]], ids=["catalog", "export"])
def test_a_full_disk_behind_stdout_is_told_without_a_traceback(filled, command):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lake.cli", *command, "--lake", filled.place.path],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 6
    assert "Error: standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_text_that_sqlglot_doubts_is_refused_in_our_words_alone(filled):
    """sqlglot warned on stderr, with the text and whatever it held."""
    done = lake("sql", "WITH x AS (COPY (SELECT 1) TO '/tmp/secret') SELECT 1", "--lake", filled.place.path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: this is not SQL")
    assert "secret" not in done.stderr


def test_a_bug_shows_its_traceback_and_exits_1(monkeypatch, capsys):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli.lake, "main", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
