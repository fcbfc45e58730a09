"""The command: exit codes, messages that can be mended by their reader, signals, and the runner's word."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.target.world import record, records, schema, state

COMMAND = [sys.executable, "-m", "target_datalake.cli"]


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"path": "lake", "source": "shop"}))
    return path


def run(*arguments: str | Path, text: str = "", cwd: Path, **more) -> subprocess.CompletedProcess:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=cwd, check=False, timeout=60, **more)


def lines(*messages: str) -> str:
    return "".join(f"{message}\n" for message in messages)


GOOD = lines(schema(), *records(range(3)), state(1))


def catches(pid: int, signum: int) -> bool:
    """Tell whether a process has begun to catch a signal."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())[1]
    return bool(int(caught, 16) >> (signum - 1) & 1)


def heads(folder: Path) -> int:
    return len(list(folder.glob("lake/_lake/log/shop/*.json")))


def test_the_plain_pipe_lands_and_prints_the_state(config, tmp_path):
    done = run("--config", config, text=GOOD, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, '{"at": 1}\n')
    assert len(list(tmp_path.glob("lake/landing/shop/orders/load_date=*/*.parquet"))) == 1


def test_a_section_is_read_relative_to_its_file_and_other_sections_are_left_alone(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    document = {"tap": {"token": "${env.NEVER_SET}"}, "target": {"path": "lake", "source": "shop"}}
    (folder / "config.json").write_text(json.dumps(document))
    assert run("-c", folder / "config.json", text=GOOD, cwd=tmp_path).returncode == 0
    assert heads(folder) == 1


@pytest.mark.parametrize(
    ("document", "exit_code", "says"),
    [
        (None, 2, ["cannot read the configuration", "config.json", "--config"]),
        ("", 2, ["not JSON", "line 1 column 1"]),
        ('{"path": "lake",}', 2, ["not JSON", "line 1 column"]),
        ("[]", 2, ["not a JSON object"]),
        ("[" * 100_000, 2, ["not JSON"]),
        ("{}", 2, ['"path" is missing']),
        ('{"path": "lake", "sauce": "x"}', 2, ['unknown key "sauce"', "/sauce", 'did you mean "source"']),
        ('{"path": "lake", "zzz": 1}', 2, ['unknown key "zzz"', "the keys here are"]),
        ('{"path": "lake", "commit": {"max_row": 1}}', 2, ["/commit/max_row", 'did you mean "max_rows"']),
        ('{"path": "lake", "on_invalid": "ignore"}', 2, ["/on_invalid", '"reject", "fail"']),
        ('{"path": 3}', 2, ["/path", "expected string, found a number"]),
        ('{"path": "lake", "source": "${env.NEVER_SET}"}', 2, ["NEVER_SET is not set", "/source", "export"]),
        ('{"target": {"path": "lake", "sauce": 1}, "tap": {}}', 2, ["/target/sauce"]),
        ('{"tap": {}}', 2, ['"path" is missing', "/target"]),
        ('{"path": "/proc/nowhere/lake"}', 6, ["cannot"]),
        ('{"path": "s3://"}', 2, ["names no bucket"]),
        ('{"path": "lake", "source": "' + "x" * 300 + '"}', 2, ["cannot name a folder"]),
    ],
)  # fmt: skip
def test_a_wrong_configuration_says_what_where_and_how_to_mend_it(tmp_path, document, exit_code, says):
    if document is not None:
        (tmp_path / "config.json").write_text(document)
    done = run("-c", "config.json", text=GOOD, cwd=tmp_path)
    assert done.returncode == exit_code
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for text in says:
        assert text in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lines(schema(), "nonsense"), ["line 2 is not JSON", "fix:"]),
        (lines(record(1)), ["line 1", "'orders'", "before its SCHEMA"]),
        (lines(schema(), '{"type": "RECORD", "stream": "orders", "record": 3}'), ["line 2"]),
        (lines(schema(), '{"type": "RECORD", "stream": "orders"}'), ["line 2"]),
        (lines(schema(), '{"type": "RECORD", "stream": "orders", "record": {"id": 1}'), ["line 2"]),
        (lines(schema(document={"type": "object", "properties": {"id": {"type": "strin"}}})), ["orders"]),
        (lines(schema(), record(1)) + '{"type": "REC', ["in the middle of line 3"]),
    ],
    ids=["no JSON", "before its SCHEMA", "no object", "no record", "half a line", "bad schema", "torn"],
)
def test_bad_input_leaves_the_lake_as_it_was(config, tmp_path, text, says):
    done = run("-c", config, text=text, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for part in says:
        assert part in done.stderr
    assert heads(tmp_path) == 0
    assert list(tmp_path.glob("lake/landing/**/*.parquet")) == []
    assert list(tmp_path.glob("lake/_lake/tmp/shop/*")) == []


def test_a_tap_cut_off_in_mid_line_still_lands_what_its_last_state_covers(config, tmp_path):
    done = run("-c", config, text=GOOD + record(9) + "\n" + '{"type": "RECORD", "str', cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == '{"at": 1}\n'
    assert '"received":3' in next(tmp_path.glob("lake/_lake/log/shop/*.json")).read_text()


def test_a_run_loads_neither_numpy_nor_pandas_nor_what_s3_needs(config, tmp_path):
    heavy = ("boto3", "numpy", "pandas", "requests")
    code = (
        f"import atexit, sys; atexit.register(lambda: print([name for name in {heavy} if sys.modules.get(name)]));"
        "from target_datalake.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "--config", config]
    done = subprocess.run(command, input=GOOD, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_number_may_follow_integers_in_a_process_that_loads_no_pandas(config, tmp_path):
    """pyarrow took what kept pandas out for pandas itself, and every such change of a schema was a traceback."""

    def typed(kind: str) -> str:
        return schema(document={"type": "object", "properties": {"id": {"type": "integer"}, "size": {"type": kind}}})

    assert run("-c", config, text=lines(typed("integer"), record(1), state(1)), cwd=tmp_path).returncode == 0
    done = run("-c", config, text=lines(typed("number"), record(2), state(2)), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, '{"at": 2}\n'), done.stderr


@pytest.mark.parametrize(
    "value", ["pa.array([0], pa.timestamp('us', 'UTC'))", "pa.array([0], pa.duration('us'))", "pa.array([1.5, None])"]
)
def test_pyarrow_gives_python_values_in_a_process_that_loads_no_pandas(value):
    code = (
        "from target_datalake.lean_start import start_lean; start_lean()\n"
        f"import pyarrow as pa; {value}.to_pylist(); import sys\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_configuration_at_all_is_a_users_mistake(tmp_path):
    done = run(cwd=tmp_path)
    assert done.returncode == 2
    assert "--config" in done.stderr


def test_help_shows_an_example_and_about_tells_the_settings(tmp_path):
    assert "Example:" in run("--help", cwd=tmp_path).stdout
    about = json.loads(run("--about", "--format", "json", cwd=tmp_path).stdout)
    assert about["name"] == "target-datalake"
    assert "max_rejected_fraction" in about["settings"]["properties"]
    assert run("--version", cwd=tmp_path).stdout.startswith("target-datalake")


class TestState:
    def test_another_state_than_the_lakes_warns_that_records_may_land_again(self, config, tmp_path):
        run("-c", config, text=GOOD, cwd=tmp_path)
        (tmp_path / "state.json").write_text('{"at": 0}')
        done = run("-c", config, "--state", "state.json", text=GOOD, cwd=tmp_path)
        assert done.returncode == 0
        assert "may land again" in done.stderr

    def test_the_lakes_own_state_in_other_words_is_no_rewind(self, config, tmp_path):
        run("-c", config, text=GOOD, cwd=tmp_path)
        (tmp_path / "state.json").write_text('{ "at" : 1 }\n')
        assert "WARNING" not in run("-c", config, "-s", "state.json", text=GOOD, cwd=tmp_path).stderr

    def test_on_rewind_fail_stops_before_anything_lands(self, tmp_path):
        (tmp_path / "config.json").write_text(json.dumps({"path": "lake", "source": "shop", "on_rewind": "fail"}))
        (tmp_path / "state.json").write_text('{"at": 0}')
        done = run("-c", "config.json", "-s", "state.json", text=GOOD, cwd=tmp_path)
        assert done.returncode == 7
        assert heads(tmp_path) == 0

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"at": 1}\n{"at": 2}\n'])
    def test_a_damaged_state_file_is_a_mistake_not_a_full_reload(self, config, tmp_path, text):
        (tmp_path / "state.json").write_text(text)
        done = run("-c", config, "-s", "state.json", text=GOOD, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert heads(tmp_path) == 0


@contextlib.contextmanager
def started(*arguments: str | Path, cwd: Path, pass_fds: tuple[int, ...] = ()):
    command = [*COMMAND, *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        pass_fds=pass_fds,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def supervised(*arguments: str | Path, cwd: Path):
    """Start a target as a runner does: with a pipe, to be written and closed, for its word on how the tap ended."""
    reading, writing = os.pipe()
    with started(*arguments, "--tap-status-fd", str(reading), cwd=cwd, pass_fds=(reading,)) as target:
        os.close(reading)
        yield target, writing


EAGER = {"path": "lake", "source": "shop", "commit": {"max_rows": 1}}


class TestSignals:
    @pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_a_signal_commits_what_a_state_covers_and_nothing_more(self, tmp_path, number, exit_code):
        (tmp_path / "config.json").write_text(json.dumps(EAGER))
        with started("-c", "config.json", cwd=tmp_path) as target:
            target.stdin.write(GOOD + lines(*records(range(3, 6))))
            target.stdin.flush()
            assert target.stdout.readline() == '{"at": 1}\n'
            target.send_signal(number)
            target.send_signal(number)
            assert target.wait(10) == exit_code
            assert "Traceback" not in target.stderr.read()
        assert heads(tmp_path) == 1

    def test_a_reader_of_our_states_that_went_away_is_141(self, config, tmp_path):
        with started("-c", config, cwd=tmp_path) as target:
            target.stdout.close()
            target.stdin.write(GOOD)
            target.stdin.close()
            assert target.wait(10) == 141
            assert "Traceback" not in target.stderr.read()
        assert heads(tmp_path) == 1


class TestRunner:
    """What `lake run` tells its target."""

    @pytest.mark.parametrize(
        ("status", "landed", "exit_code"),
        [(b"0", 5, 0), (b"4", 3, 0), (b"", 3, 143)],
        ids=["the tap succeeded", "the tap failed", "the runner died"],
    )
    def test_the_taps_end_decides_about_the_tail(self, config, tmp_path, status, landed, exit_code):
        with supervised("-c", config, cwd=tmp_path) as (target, writing):
            target.stdin.write(GOOD + lines(*records(range(3, 5))))
            target.stdin.close()
            os.write(writing, status)
            os.close(writing)
            code = target.wait(20)
        if status:
            assert f'"landed":{landed}' in next(tmp_path.glob("lake/_lake/log/shop/*.json")).read_text()
        assert code == exit_code

    def test_a_runner_that_dies_while_its_word_is_waited_for_is_no_success(self, config, tmp_path):
        with supervised("-c", config, cwd=tmp_path) as (target, writing):
            target.stdin.write(GOOD + lines(*records(range(3, 5))))
            target.stdin.close()
            time.sleep(1)  # long after the end of its input
            os.close(writing)
            assert target.wait(20) == 143
        assert '"landed":3' in next(tmp_path.glob("lake/_lake/log/shop/*.json")).read_text()

    def test_a_runner_that_dies_stops_a_target_whose_input_never_ends(self, config, tmp_path):
        with supervised("-c", config, cwd=tmp_path) as (target, writing):
            target.stdin.write(GOOD)
            target.stdin.flush()
            os.close(writing)
            assert target.wait(10) == 143

    def test_a_signal_ends_the_wait_for_a_tap_that_closed_its_output_and_goes_on(self, config, tmp_path):
        with supervised("-c", config, cwd=tmp_path) as (target, writing):
            target.stdin.write(GOOD + lines(*records(range(3, 5))))
            target.stdin.close()
            while not catches(target.pid, signal.SIGTERM):
                time.sleep(0.01)
            with pytest.raises(subprocess.TimeoutExpired):
                target.wait(1)
            target.terminate()
            assert target.wait(10) == 143
            os.close(writing)
        assert '"landed":3' in next(tmp_path.glob("lake/_lake/log/shop/*.json")).read_text()

    def test_an_unexpected_parent_is_refused_before_anything_lands(self, config, tmp_path):
        run("-c", config, text=GOOD, cwd=tmp_path)
        done = run("-c", config, "--expected-parent", "0", text=GOOD, cwd=tmp_path)
        assert done.returncode == 7
        assert heads(tmp_path) == 1
        assert run("-c", config, "--expected-parent", "1", text=GOOD, cwd=tmp_path).returncode == 0

    def test_the_run_is_named_in_the_log(self, config, tmp_path):
        run("-c", config, "--run-id", "night-17", text=GOOD, cwd=tmp_path)
        assert '"run":"night-17"' in next(tmp_path.glob("lake/_lake/log/shop/*.json")).read_text()

    def test_a_held_source_is_refused_within_a_second_and_an_inherited_lock_is_not(self, config, tmp_path):
        from target_datalake.stores import open_storage

        run("-c", config, text=GOOD, cwd=tmp_path)
        lock = open_storage(str(tmp_path / "lake")).lock("_lake/lock/shop.lock")
        done = run("-c", config, text=GOOD, cwd=tmp_path)
        assert done.returncode == 7
        assert "another run holds this source" in done.stderr
        inherited = run(
            "-c", config, "--lock-fd", str(lock.fileno()), text=GOOD, cwd=tmp_path, pass_fds=(lock.fileno(),)
        )
        assert inherited.returncode == 0
        lock.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_told_without_a_traceback_and_the_commit_stands(config, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--config", config], input=GOOD, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
            check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 6
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert heads(tmp_path) == 1


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{}", 'the key "path" is missing'),
        ('{"path": "lake", "source": "a", "source": "b"}', 'the key "source" stands twice'),
        ('{"path": "lake", "sorce": "a"}', "config.json /sorce"),
        ('{"path": 5}', "expected string, found a number"),
    ],
    ids=["missing key", "key twice", "unknown key", "wrong type"],
)
def test_a_mistake_in_the_configuration_says_how_to_mend_it(config, tmp_path, written, message):
    config.write_text(written)
    done = run("--config", config, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert re.search(r"\n  fix: +\S", done.stderr)


def test_a_state_file_that_is_not_there_says_how_to_mend_it(config, tmp_path):
    done = run("--config", config, "--state", "state.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "fix:   check the path, or leave --state out" in done.stderr
