"""The README says what is true: its commands exist, its example is accepted, its messages are ours."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from target_datalake.config import load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = "\n".join(
    path.read_text("utf-8")
    for package in ("tap_rest_api", "target_datalake", "lake")
    for path in (ROOT / package).glob("*.py")
)


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_python_example_is_python_and_imports_what_exists():
    code = block("python")
    ast.parse(code)
    exec(code.split("\n\n")[0])  # noqa: S102 - the README's own import line


def test_the_example_configuration_is_accepted_by_both_programs(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "token")
    (tmp_path / "config.json").write_text(block("json"))
    assert load_config(str(tmp_path / "config.json")).source == "shop"
    command = [sys.executable, "-m", "tap_rest_api.cli", "--config", "config.json", "--discover"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr  # it got as far as asking a host that does not exist


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make (?:-s -C \S+ )?([a-z-]+)", README))))
def test_every_make_target_it_names_exists(target):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE), target


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\blake (run|discover|status|catalog|show)\b", README))))
def test_every_lake_command_it_names_has_help_with_an_example(name):
    done = subprocess.run(
        [sys.executable, "-m", "lake.cli", name, "--help"], capture_output=True, text=True, check=True
    )
    assert "Example:" in done.stdout


def test_every_file_it_links_or_lists_is_there():
    for path in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(
        r"`((?:tap_rest_api|target_datalake|lake)/\w+\.py)`", README
    ):
        assert (ROOT / path).exists(), path


def test_every_message_in_its_troubleshooting_table_is_one_that_we_print():
    table = README.split("## Troubleshooting by message")[1].split("##")[0]
    for message in re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE):
        words = max(re.split(r"…|\bX\b|\"|401 Unauthorized|page 1|data\.items", message), key=len).strip()
        assert words in SOURCES or words == os.strerror(errno.ENOSPC), message


def test_its_exit_codes_are_those_of_the_errors():
    from lake.errors import UsageError
    from target_datalake import errors

    table = README.split("## Exit codes")[1].split("##")[0]
    for kind in (
        errors.ConfigError,
        errors.CredentialsError,
        errors.RejectedError,
        errors.StorageError,
        errors.HeldError,
    ):
        assert f"| {kind.exit_code} |" in table
    assert UsageError.exit_code == 2


def test_the_configuration_shown_is_ten_lines_or_so():
    assert len(json.dumps(json.loads(block("json")), indent=None)) < 600
