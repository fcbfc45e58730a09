"""A file of ``NAME=value`` lines becomes variables of an environment, which wins where it has them already.

The lines are those that Docker, systemd and shells agree on, read strictly: nothing is interpolated, and what could
be read in two ways is refused. Values never stand in a message.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<rest>.*)")
_SINGLE = re.compile(r"'(?P<value>[^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def load_env_file(path: Path, environment: MutableMapping[str, str]) -> bool:
    """Set the variables of a file that an environment does not have yet; return whether others may read the file.

    Raises:
        UsageError: It cannot be read, or a line is not ``NAME=value``; names the line, never its content.
    """
    try:
        status, data = path.stat(), path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the environment file: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("the environment file is not UTF-8", where=str(path), fix="save it as UTF-8") from error
    for name, value in dict(_read_lines(text, path)).items():
        environment.setdefault(name, value)
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IROTH)


def _read_lines(text: str, path: Path) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is None or "\0" in line:
            raise UsageError("this line is not NAME=value", where=where, fix="no spaces around =; # begins a comment")
        name = match["name"]
        if name in seen:
            raise UsageError(f"{name} stands twice, first in line {seen[name]}", where=where, fix="keep one of them")
        seen[name] = number
        yield name, _to_value(match["rest"], where)


def _to_value(rest: str, where: str) -> str:
    """Return what stands after ``=``: as it is in single quotes, with escapes in double ones, else to a `` #``."""
    if rest[:1] not in {"'", '"'}:
        return re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip()
    match = (_SINGLE if rest[0] == "'" else _DOUBLE).fullmatch(rest)
    if match is None:
        fix = "close the quote on the same line, with nothing but a comment after it"
        raise UsageError("a quoted value does not end", where=where, fix=fix)
    if rest[0] == "'":
        return match["value"]
    return _ESCAPE.sub(lambda escape: _unescape(escape[1], where), match["value"])


def _unescape(letter: str, where: str) -> str:
    if letter not in _ESCAPES:
        fix = r"in double quotes write \\ for a backslash, or use single quotes, in which nothing is special"
        raise UsageError(f"\\{letter} means nothing in double quotes", where=where, fix=fix)
    return _ESCAPES[letter]
