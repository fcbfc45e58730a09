"""``lake run`` drives taps that nobody here wrote, well-behaved and hostile ones."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lake import Catalog
from lake.errors import UsageError
from lake.foreign_tap import read_foreign_tap, with_tap
from lake.private_folder import private_folder
from lake.programs import Programs
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import ConfigError
from target_datalake.stores import open_storage
from tests.lake.forked import run_lake
from tests.lake.programs import _PRELUDE, CATALOG, DEADLINE_SECONDS, ENDLESS, eventually, is_gone
from tests.lake.writer import ids

SCHEMA = """
say(type="SCHEMA", stream="orders", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
"""

RESUMES = """
state = json.loads(Path(option("--state")).read_text()) if option("--state") else {}
begin = state.get("bookmarks", {}).get("orders", {}).get("id", 0)
"""

COUNTS = f"""
{RESUMES}
{SCHEMA}
for n in range(begin + 1, 401):
    say(type="RECORD", stream="orders", record={{"id": n}})
    if n % 7 == 0 or n == 400:
        say(type="STATE", value={{"bookmarks": {{"orders": {{"id": n}}}}}})
    if n % 150 == 0 and begin < n - 7:
        at_a_milestone()
"""

GOES_ON = "at_a_milestone = lambda: None\n"
DIES = "at_a_milestone = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"

# The same bytes on every run: of random ones, a line can happen to be a number, which is JSON.
GARBAGE = r"""
sys.stdout.buffer.write(b"\xfe\x00garbage\n" * (1 << 18)); sys.stdout.flush()
"""

TELLS = """
options = [name for name in ("--config", "--catalog", "--properties", "--state") if option(name)]
ready("told", json.dumps({
    "argv": sys.argv[1:], "folder": os.getcwd(), "config": json.loads(Path(option("--config")).read_text()),
    "files": {name: json.loads(Path(option(name)).read_text()) for name in options},
    "modes": [oct(os.stat(path).st_mode & 0o777) for path in (option("--config"), Path(option("--config")).parent)],
}))
"""


@dataclass
class World:
    """A folder with a configuration that drives a small tap of its own, and the lake it lands in."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def lake(self) -> str:
        return str(self.folder / "lake")

    def tap(self, body: str, **section: Any) -> None:
        """Write the tap, and a configuration that names it."""
        (self.folder / "tap.py").write_text(_PRELUDE.format(folder=str(self.folder)) + body)
        tap = {"command": [sys.executable, "tap.py"], "catalog": "catalog.json", **section}
        target = {"path": "lake", "source": "shop", "commit": {"max_rows": 1}}
        self.config.write_text(json.dumps({"tap": tap, "target": target}))
        if not (self.folder / "catalog.json").exists():
            (self.folder / "catalog.json").write_text(json.dumps(CATALOG))

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lake.cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.env)

    @property
    def env(self) -> dict[str, str]:
        temporary = self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(temporary)}

    def lake_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``lake run`` to its end, in another folder than the configuration's."""
        done = run_lake("run", "-c", str(self.config), *arguments, env=self.env)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def told(self, name: str = "told") -> Any:
        path = self.folder / name
        eventually(path.exists, f"{name} is ready")
        return json.loads(path.read_text())

    def landed(self) -> list[int]:
        return sorted(ids(Catalog(self.lake)["orders"].read()))

    def head(self) -> Any:
        return CommitLog(open_storage(self.lake), "shop").head()

    def leftovers(self) -> list[Path]:
        return list((self.folder / "temporary").iterdir())


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def test_a_foreign_tap_lands_and_its_next_run_goes_on_from_the_lake(world, monkeypatch):
    """It is given its own configuration only, in a private file that is gone afterwards, and works beside the file."""
    monkeypatch.setenv("SHOP_KEY", "s3cr3t-${vars.x}")
    config = {"key": "${env.SHOP_KEY}", "url": "https://${vars.host}/v1", "pages": "${vars.pages}", "other": "${x.y}"}
    world.tap(TELLS + GOES_ON + COUNTS, config=config, vars={"host": "shop.example", "pages": 3})
    first = world.lake_run("--json")
    assert first.returncode == 0, first.stderr
    told = world.told()
    expanded = {"key": "s3cr3t-${vars.x}", "url": "https://shop.example/v1", "pages": 3, "other": "${x.y}"}
    assert told["config"] == expanded
    assert (told["folder"], told["modes"]) == (str(world.folder), ["0o600", "0o700"])
    assert told["argv"][2:] == ["--catalog", str(world.folder / "catalog.json")]
    assert json.loads(first.stdout)["tap"] == Path(sys.executable).name
    assert "s3cr3t" not in first.stdout + first.stderr
    assert world.leftovers() == []
    second = world.lake_run("--json")
    assert second.returncode == 0, second.stderr
    assert world.told()["files"]["--state"] == {"bookmarks": {"orders": {"id": 400}}}
    assert world.landed() == list(range(1, 401))


@pytest.mark.slow
def test_a_foreign_tap_that_is_killed_again_and_again_lands_each_record_once(world):
    """Where its own bookmarks say exactly what it has sent, any death is made good by the next run."""
    world.tap(DIES + COUNTS)
    assert [world.lake_run("--quiet").returncode for _ in range(3)] == [137, 137, 0]
    assert world.landed() == list(range(1, 401))


def test_a_killed_runs_private_files_are_removed_by_the_next(world):
    world.tap(TELLS + ENDLESS, config={"password": "hunter2"})
    with world.popen("run", "-c", str(world.config)) as run:
        tap = world.told("tap")
        run.kill()
        run.communicate(timeout=DEADLINE_SECONDS)
    eventually(lambda: is_gone(tap), "the tap ends")
    (left,) = world.leftovers()
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    held = world.folder / "temporary" / "lake-private-of-another-kind"
    held.touch()
    world.tap(SCHEMA)
    eventually(lambda: world.lake_run().returncode == 0, "the target lets go of the source")
    assert world.leftovers() == [held]


def test_a_live_runs_private_folder_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_folder() as one:
        with private_folder() as other:
            assert sorted(tmp_path.iterdir()) == sorted([one, other])
        assert list(tmp_path.iterdir()) == [one]
    assert list(tmp_path.iterdir()) == []


RECORD = 'say(type="RECORD", stream="orders", record={"id": %d})\n'
STATE = 'say(type="STATE", value={"bookmarks": {"orders": {"id": %d}}})\n'


@pytest.mark.parametrize(
    ("body", "code", "says", "landed"),
    [
        pytest.param(SCHEMA + RECORD % 1 + RECORD % 2, 0, "", [1, 2], id="no STATE at all"),
        pytest.param(
            SCHEMA + RECORD % 1 + 'say(type="STATE", value={})\n' + RECORD % 2, 0, "", [1, 2], id="empty STATE"
        ),
        pytest.param(
            SCHEMA + RECORD % 1 + STATE % 1 + RECORD % 2 + "sys.exit(3)", 3, "tap exit code 3", [1], id="dies midway"
        ),
        pytest.param(SCHEMA + RECORD % 1 + "sys.exit(1)", 1, "tap exit code 1", None, id="dies before its first STATE"),
        pytest.param(
            SCHEMA + RECORD % 1 + STATE % 1 + 'print("INFO fetching page 2", flush=True)\n' + RECORD % 2,
            2,
            "and its log to stderr",
            [1],
            id="logs to stdout",
        ),
        pytest.param(
            SCHEMA + RECORD % 1 + STATE % 1 + GARBAGE,
            2,
            "is not JSON",
            [1],
            id="garbage on stdout",
        ),
        pytest.param(RECORD % 1 + SCHEMA, 2, "comes before its SCHEMA", None, id="a record before its schema"),
        pytest.param(
            SCHEMA + RECORD % 1 + 'say(type="STATE", value={"cursor": "x" * (2 << 20)})\n' + RECORD % 2,
            0,
            "",
            [1, 2],
            id="a huge STATE",
        ),
    ],
)
def test_hostile_taps(world, body, code, says, landed):
    world.tap(body)
    done = world.lake_run()
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert (world.landed() if world.head() else None) == landed


def test_a_batch_message_lands_with_what_its_state_covers(world):
    lines = world.folder / "part.jsonl"
    lines.write_text('{"id": 1}\n{"id": 2}\n')
    batch = f'say(type="BATCH", stream="orders", encoding={{"format": "jsonl"}}, manifest=["file://{lines}"])\n'
    world.tap(SCHEMA + batch + STATE % 2)
    done = world.lake_run()
    assert done.returncode == 0, done.stderr
    assert world.landed() == [1, 2]


def test_what_a_wrapper_script_started_ends_with_it(world):
    """A pipe that a grandchild holds open would keep the target, and the source, for ever."""
    child = f"import os, time; open({str(world.folder / 'child')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    body = f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
    world.tap(SCHEMA + RECORD % 1 + STATE % 1 + body + "wait_for('child')\nsys.exit(9)")
    assert world.lake_run().returncode == 9
    eventually(lambda: is_gone(int((world.folder / "child").read_text())), "the grandchild ends")
    assert world.landed() == [1]


def test_a_tap_that_ignores_sigterm_is_killed_after_a_while(world, monkeypatch):
    world.tap("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ENDLESS)
    with world.popen("run", "-c", str(world.config)) as run:
        tap = world.told("tap")
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=DEADLINE_SECONDS)
    assert run.returncode == 143
    assert is_gone(tap)


def test_quiet_shows_a_taps_log_only_when_it_fails(world):
    world.tap('print("reading", file=sys.stderr)\n' + SCHEMA + RECORD % 1)
    done = world.lake_run("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    world.tap('print("the key is wrong", file=sys.stderr)\nsys.exit(1)')
    done = world.lake_run("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the key is wrong\n")


DISCOVERY = """
if "--discover" in sys.argv:
    names = json.loads((folder / "names").read_text())
    root = [{"breadcrumb": [], "metadata": {"inclusion": "available"}},
            {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "available"}}]
    streams = [{"tap_stream_id": n, "stream": n, "schema": {"properties": {"id": {}}}, "metadata": root} for n in names]
    print(json.dumps({"streams": streams}))
    sys.exit(0)
"""


def test_discovery_selects_what_is_undecided_at_first_and_keeps_choices_afterwards(world):
    world.tap(DISCOVERY + TELLS + SCHEMA + RECORD % 1)
    path = world.folder / "catalog.json"
    path.unlink()
    (world.folder / "names").write_text('["orders", "notes"]')
    done = world.lake_run()
    assert done.returncode == 0, done.stderr
    assert "Notice: there is no " in done.stderr
    catalog = json.loads(path.read_text())
    assert [stream["metadata"][0]["metadata"]["selected"] for stream in catalog["streams"]] == [True, True]
    catalog["streams"][1]["metadata"][0]["metadata"]["selected"] = False
    catalog["streams"][0]["metadata"][0]["metadata"]["replication-method"] = "FULL_TABLE"
    catalog["streams"][0]["metadata"][1]["metadata"]["selected"] = False
    path.write_text(json.dumps(catalog))
    (world.folder / "names").write_text('["shops", "orders", "notes"]')
    with world.popen("discover", "-c", str(world.config)) as discover:
        discover.communicate(timeout=DEADLINE_SECONDS)
    assert discover.returncode == 0
    shops, orders, notes = (stream["metadata"] for stream in json.loads(path.read_text())["streams"])
    assert "selected" not in shops[0]["metadata"]
    assert orders[0]["metadata"] == {"inclusion": "available", "selected": True, "replication-method": "FULL_TABLE"}
    assert orders[1]["metadata"] == {"inclusion": "available", "selected": False}
    assert notes[0]["metadata"]["selected"] is False


def test_an_old_tap_is_given_properties_with_selections_in_the_schema(world):
    world.tap(TELLS + SCHEMA, catalog_option="--properties")
    done = world.lake_run("--stream", "shops")
    assert done.returncode == 0, done.stderr
    assert "Notice: the tap succeeded, and nothing of it ever landed: " in done.stderr
    given = world.told()["files"]["--properties"]["streams"]
    assert {stream["stream"]: stream["schema"]["selected"] for stream in given} == {
        "orders": False,
        "shops": True,
        "notes": False,
    }


def test_a_full_refresh_of_a_tap_that_keeps_no_bookmarks_by_stream_starts_from_nothing(world):
    world.tap(SCHEMA + RECORD % 1 + 'say(type="STATE", value={"since": "2026-01-01"})')
    assert world.lake_run().returncode == 0
    world.tap(TELLS + SCHEMA, catalog=False)
    refused = world.lake_run("--stream", "orders")
    assert refused.returncode == 2
    assert "--stream means nothing: the tap takes no catalog" in refused.stderr
    assert world.lake_run("--full-refresh").returncode == 0
    assert list(world.told()["files"]) == ["--config"]
    assert json.loads(world.head().state) == {"since": "2026-01-01"}
    world.tap(TELLS + SCHEMA)
    refused = world.lake_run("--full-refresh", "--stream", "orders")
    assert refused.returncode == 2
    assert "does not keep its state by stream" in refused.stderr


@pytest.mark.parametrize("option", [["--from", "2026-01-01"], ["--to", "2026-01-01"], ["--limit", "3"]])
def test_options_of_our_own_tap_are_refused(world, option):
    world.tap("ready('tap')")
    done = world.lake_run(*option)
    assert done.returncode == 2
    assert f"{option[0]} is an option of tap-rest-api" in done.stderr
    assert not (world.folder / "tap").exists()


def test_a_catalog_in_the_configuration_is_given_and_never_written(world):
    nothing = {"streams": [{"tap_stream_id": "orders", "stream": "orders", "schema": {}, "metadata": []}]}
    world.tap(TELLS + SCHEMA, catalog=nothing)
    refused = world.lake_run()
    assert refused.returncode == 2
    assert "no stream is selected" in refused.stderr
    assert world.lake_run("--stream", "orders").returncode == 0
    (stream,) = world.told()["files"]["--catalog"]["streams"]
    assert stream["metadata"][0]["metadata"]["selected"] is True
    with world.popen("discover", "-c", str(world.config)) as discover:
        _, errors = discover.communicate(timeout=DEADLINE_SECONDS)
    assert discover.returncode == 2
    assert "the catalog stands in the configuration: nothing is written there" in errors


class TestTheSection:
    """What is wrong with it is told before anything is started."""

    def start(self, folder: Path, section: dict[str, Any]) -> Programs:
        tap = read_foreign_tap({"tap": section}, folder / "config.json")
        private = folder / "private"
        private.mkdir()
        return with_tap(Programs(), tap, private)

    @pytest.mark.parametrize(
        ("section", "error", "says"),
        [
            pytest.param({"command": "tap-csv"}, ConfigError, "expected array, found a string", id="a text"),
            pytest.param({"command": []}, ConfigError, "minItems", id="an empty command"),
            pytest.param({"command": ["x"], "confg": {}}, ConfigError, 'did you mean "config"', id="an unknown key"),
            pytest.param({"command": ["x"], "state": {}}, ConfigError, "lake state --set", id="a state"),
            pytest.param(
                {"command": ["no-such-tap"]}, UsageError, 'no program "no-such-tap" on the PATH', id="missing"
            ),
            pytest.param({"command": ["plain"]}, UsageError, '["./plain"]', id="beside the configuration"),
            pytest.param({"command": ["./gone"]}, UsageError, "there is no program", id="a missing path"),
            pytest.param({"command": ["./plain"]}, UsageError, "chmod +x", id="not executable"),
            pytest.param({"command": ["sh", "${env.X}"]}, UsageError, "everybody on the machine", id="a secret"),
            pytest.param(
                {"command": ["sh"], "config": {"a": ["${env.NEVER_SET}"]}},
                ConfigError,
                "NEVER_SET is not set",
                id="an unset variable",
            ),
            pytest.param(
                {"command": ["sh"], "config": {"a": "${vars.hst}"}, "vars": {"host": 1}},
                ConfigError,
                'did you mean "host"',
                id="a misspelt variable",
            ),
        ],
    )
    def test_a_mistake_is_told_with_its_mend(self, tmp_path, section, error, says):
        (tmp_path / "plain").write_text("#!/bin/sh\n")
        with pytest.raises(error) as caught:
            self.start(tmp_path, section)
        assert says in caught.value.show()
        assert f"{tmp_path / 'config.json'} /tap/" in caught.value.show()
        assert caught.value.exit_code == 2

    def test_our_own_section_is_no_foreign_tap(self, tmp_path):
        assert read_foreign_tap({"tap": {"base_url": "https://shop.example"}}, tmp_path / "config.json") is None

    def test_a_script_that_the_system_cannot_run_is_no_traceback(self, world):
        world.tap("", command=["./broken"])
        (world.folder / "broken").write_text("#!/no/such/interpreter\n")
        (world.folder / "broken").chmod(0o755)
        done = world.lake_run()
        assert done.returncode == 2
        assert "broken cannot be started: No such file or directory" in done.stderr
        assert "Traceback" not in done.stderr
        (path,) = Path(world.lake, layout.runs_prefix("shop")).iterdir()
        assert json.loads(path.read_text())["outcome"] == "failed"
