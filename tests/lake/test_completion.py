"""Completion: the scripts of three shells, and the names of datasets."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

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


DOCUMENTED = {
    shell: line.partition("#")[0].strip()
    for line in Path(__file__).parents[2].joinpath("docs", "lake.md").read_text("utf-8").splitlines()
    for shell in ("bash", "zsh", "fish")
    if f"_LAKE_COMPLETE={shell}_source" in line
}
"""What docs/lake.md has a person put into each shell's startup file."""


@pytest.fixture
def shell(request, tmp_path):
    """Return a shell's path and an environment in which `lake` is a program."""
    path = shutil.which(request.param)
    if path is None:
        pytest.skip(f"{request.param} is not installed (apt-get install {request.param}): its completion is not tried")
    program = tmp_path / "bin" / "lake"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom lake.cli import main\nmain()\n")
    program.chmod(0o755)
    home = {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "TERM": "dumb"}
    return path, os.environ | home | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def run(shell, script: str) -> list[str]:
    path, environment = shell
    done = subprocess.run(
        [path, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash"], indirect=True)
def test_bash_completes(shell):
    words = 'COMP_WORDS=(lake cat); COMP_CWORD=1; _lake_completion lake cat lake; echo "${COMPREPLY[@]}"'
    assert run(shell, f"{DOCUMENTED['bash']}\n{words}") == ["catalog"]


@pytest.mark.parametrize("shell", ["fish"], indirect=True)
def test_fish_completes_commands_and_names_of_datasets(shell, local_lake):
    local_lake.commit(Part(numbered(1), stream="orders"), Part(numbered(1), stream="offers"))
    asked = f"complete -C 'lake cat'; complete -C 'lake show --lake {local_lake.place.path} o'"
    assert run(shell, f"{DOCUMENTED['fish']}\n{asked}") == [
        "catalog\tList the datasets of the lake.",
        "offers",
        "orders",
    ]


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_zsh_completes_at_a_press_of_tab(shell, tmp_path):
    path, environment = shell
    tmp_path.joinpath(".zshrc").write_text(
        f"autoload -U compinit; compinit -u -D\n{DOCUMENTED['zsh']}\nPROMPT='ready '\n"
    )
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [path, "-i"], stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    ) as zsh:
        os.close(terminal)
        try:
            assert "ready" in read_until(master, b"ready ")
            os.write(master, b"lake cata\t")
            assert "lake catalog" in read_until(master, b"log")
        finally:
            zsh.kill()
            os.close(master)


def read_until(terminal: int, end: bytes) -> str:
    """Return what a terminal shows, once it has shown something; or all that it showed in half a minute."""
    shown = b""
    while end not in shown and select.select([terminal], [], [], 30)[0]:
        shown += os.read(terminal, 4096)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", shown.decode(errors="replace"))
