"""Completion: the scripts of three shells, and the names of datasets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.lake.writer import Part, numbered

LAKE = "import sys; sys.argv[0] = 'lake'; from lake.cli import main; main()"


def complete(words: str, folder, shell: str = "bash") -> str:
    asked = {"_LAKE_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", LAKE], env=os.environ | asked, cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(("shell", "defines"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_each_shell_has_its_script(shell, defines):
    asked = os.environ | {"_LAKE_COMPLETE": f"{shell}_source"}
    done = subprocess.run([sys.executable, "-c", LAKE], env=asked, capture_output=True, text=True, check=True)
    assert defines in done.stdout
    assert "_LAKE_COMPLETE" in done.stdout


def test_commands_and_names_of_datasets_are_completed(local_lake, tmp_path):
    local_lake.commit(Part(numbered(1), stream="orders"), Part(numbered(1), stream="offers"))
    assert complete("lake sh", tmp_path) == "plain,show"
    assert complete(f"lake show --lake {local_lake.place.path} o", tmp_path).split() == ["plain,offers", "plain,orders"]
    assert complete(f"lake drop --lake {local_lake.place.path} x", tmp_path) == ""


def test_where_there_is_no_lake_nothing_is_completed_and_nothing_said(tmp_path):
    assert complete("lake show o", tmp_path) == ""
    assert complete("lake show --lake nowhere o", tmp_path) == ""
    (tmp_path / "config.json").write_text("{broken")
    assert complete("lake show o", tmp_path) == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_takes_the_script(tmp_path):
    program = tmp_path / "lake"
    program.write_text(f"#!{sys.executable}\nfrom lake.cli import main\nmain()\n")
    program.chmod(0o755)
    script = """
      eval "$(_LAKE_COMPLETE=bash_source lake)"
      COMP_WORDS=(lake cat); COMP_CWORD=1; _lake_completion lake cat lake; echo "${COMPREPLY[@]}"
    """
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "catalog\n", done.stderr
