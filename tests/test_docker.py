"""What can be known of the container without building it: what it copies, locks, runs, and as whom."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]
LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


def arguments(step: str) -> list[str]:
    return [rest for name, rest in STEPS if name == step]


def sources() -> set[str]:
    copies = [shlex.split(rest) for rest in arguments("COPY") if "--from" not in rest]
    return {source for copy in copies for source in copy[:-1]}


def versions(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    return {match["name"].lower(): match["version"] for match in LOCKED.finditer(text)}


def test_everything_it_copies_is_there_and_let_through():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    for source in sources():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == sources()


def test_it_holds_every_package_of_the_wheel_and_the_files_its_metadata_names():
    project = PROJECT["project"]
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= sources()
    assert {"pyproject.toml", project["readme"], *project["license-files"]} <= sources()


def test_whatever_it_installs_is_locked():
    (install, wheel, _user) = arguments("RUN")
    commands = [command for run in (install, wheel) for command in run.split("&&") if " install " in command]
    assert len(commands) == 3
    assert all("--require-hashes" in command or "--no-index --no-deps" in command.replace(
        "--no-deps --no-index", "--no-index --no-deps"
    ) for command in commands)  # fmt: skip
    assert "requirements/run.lock" in install
    assert "--no-build-isolation" in wheel


@pytest.mark.parametrize("lock", ["run.lock", "build.lock"])
def test_its_locks_agree_with_the_one_that_the_tests_run_with(lock):
    tested = versions("dev.lock")
    assert {name: version for name, version in versions(lock).items() if tested.get(name, version) != version} == {}
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    assert text.count("==") <= text.count("--hash=sha256:")


def test_its_lock_holds_what_the_package_needs():
    needed = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in PROJECT["project"]["dependencies"]}
    assert needed & versions("dev.lock").keys() <= versions("run.lock").keys()
    build = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in PROJECT["build-system"]["requires"]}
    assert build <= versions("build.lock").keys()


def test_it_runs_lake_and_not_as_root():
    last = [name for name, _ in STEPS].index("FROM", 3)
    final = dict(STEPS[last:])
    assert final["ENTRYPOINT"] == '["lake"]'
    assert "lake" in PROJECT["project"]["scripts"]
    assert re.fullmatch(
        r"[1-9]\d*:[1-9]\d*", final["USER"]
    )  # a number, so that Kubernetes can tell that it is not root
    assert f"--uid {final['USER'].split(':')[0]} " in final["RUN"]


def test_no_secret_and_no_cache_is_baked_in():
    text = "\n".join(LINES)
    assert "PIP_NO_CACHE_DIR=1" in text
    assert not re.search(r"(?i)(secret|token|password|api_key)\s*=", text)
    assert not any(source.startswith(("config", ".env")) for source in sources())
