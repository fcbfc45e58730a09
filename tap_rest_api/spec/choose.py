"""Turns the names of streams into those that are wanted: as the command line says, or a person at a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tap_rest_api.errors import ConfigError
from tap_rest_api.template import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SHOWN = 40


def choose(
    offered: Mapping[str, str], named: Sequence[str], *, take_all: bool, ask: Callable[[str], str] | None
) -> list[str]:
    """Return the chosen names, in the order in which they are offered.

    Args:
        offered: What there is, by name, with a word about each.
        named: What the command line names.
        take_all: Whether it names all of them.
        ask: Puts a question to a person; None where there is none.

    Raises:
        ConfigError: A name is not offered, or nobody chooses.
    """
    if take_all:
        return list(offered)
    chosen = list(named) or _ask(offered, ask)
    for name in chosen:
        if name not in offered:
            raise ConfigError(f'there is no stream "{name}"', where="--stream", fix=did_you_mean(name, offered))
    return [name for name in offered if name in chosen]


def _ask(offered: Mapping[str, str], ask: Callable[[str], str] | None) -> list[str]:
    if ask is None:
        shown = ", ".join(list(offered)[:_SHOWN]) + (", …" if len(offered) > _SHOWN else "")
        fix = f"take --all, or --stream with one of these, as often as you like: {shown}."
        raise ConfigError("the document describes several streams", where="--openapi", fix=fix)
    lines = [f"{number:>4}  {name:<24} {word}".rstrip() for number, (name, word) in enumerate(offered.items(), 1)]
    answer = ask("\n".join(["There are:", *lines, "", "Which? Numbers or names, with commas between, or all"]))
    words = [word.strip() for word in answer.split(",") if word.strip()]
    if words == ["all"]:
        return list(offered)
    names = list(offered)
    return [names[int(word) - 1] if word.isdecimal() and 0 < int(word) <= len(names) else word for word in words]


def terminal() -> Callable[[str], str] | None:
    """Return what asks the person at the terminal, on stderr; None where nobody sits at one."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> str:
        try:
            return str(click.prompt(question, err=True))
        except click.Abort:
            raise ConfigError("nothing was chosen", where="--openapi", fix="name streams with --stream.") from None

    return ask
