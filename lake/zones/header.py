"""The comment at the top of a dataset's file becomes what it declares: key, partitions, expectations.

A header is the unbroken run of comment lines at the very top. Each is `key: value`; a line indented more goes on with
the value of the one before. What follows the first other line, an empty one included, is no header.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONTINUES = "   "
"""What a line begins with, after the comment's mark, that goes on with the one before."""

_NAME = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s,":]+(?:[ ]+[^\s,":]+)*))\s*')
_VALUE = re.compile(r"\s*(?:'((?:[^']|'')*)'|([^',]*[^',\s]))\s*")
_PERCENT = re.compile(r"(?:at most\s+)?(\d{1,6}(?:\.\d+)?)\s*%\Z")


@dataclass(frozen=True)
class Header:
    """What a dataset's file declares of it.

    Attributes:
        description: What it is, for people.
        columns: What some of its columns mean.
        primary_key: The columns by which its rows are told apart; a build sees to it.
        partition_by: The columns whose values name its folders.
        inputs: What a Python dataset reads.
        incremental: The input of which only new rows are read, and merged by primary key; empty for none.
        delete_when: A condition in SQL on a row of the result: such a row is left out, and takes its key out.
        not_null: Columns that have a value in every row.
        unique: Sets of columns whose values no two rows share.
        accepted: Columns with the only values they may have; null is none of them, and allowed.
        row_change: The fraction by which the number of rows may differ from the version before.
    """

    description: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    incremental: str = ""
    delete_when: str = ""
    not_null: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    accepted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    row_change: float | None = None


class _Malformed(Exception):  # noqa: N818 - caught a few lines further on, and told with its place
    """A value is not written as its key wants it; the text says how."""


def parse_header(text: str, path: str, mark: str) -> Header:
    """Return what a file declares.

    Args:
        text: The file.
        path: Its path, for messages.
        mark: What a comment begins with in it: ``--`` or ``#``.

    Raises:
        UsageError: A line is not ``key: value``, its key is unknown or there twice, or its value is malformed.
    """
    found: dict[str, Any] = {}
    for line, key, argument, value in _entries(text, path, mark):
        where = f"{path}:{line}"
        known = _KEYS.get(key)
        if known is None:
            raise _unknown_key(key, where)
        if bool(argument) != known.takes_column:
            example = f"{key} {'COLUMN' if known.takes_column else ''}".strip()
            raise UsageError(f'"{key}" is not written like this', where=where, fix=f"write {example}: …")
        if known.field in found and known.add is None:
            raise UsageError(f'"{key}" is there twice', where=where, fix="leave one of them out")
        try:
            parsed = known.parse(value)
            column = _one_name(argument) if argument else ""
        except _Malformed as error:
            raise UsageError(f'"{key}" cannot be read: {error}', where=where, fix=f"such as: {known.example}") from None
        found[known.field] = known.add(found.get(known.field), column, parsed) if known.add else parsed
    return Header(**found)


def _entries(text: str, path: str, mark: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield line number, key, argument and value of each entry."""
    entries: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not line.startswith(mark):
            break
        content = line.removeprefix(mark)
        if content.startswith(_CONTINUES) and entries:
            entries[-1][2].append(content.strip())
            continue
        name, colon, value = _split_key(content)
        if not colon:
            fix = f"write {mark} key: value, or an empty line before comments that are no header"
            raise UsageError("a line of the header is not key: value", where=f"{path}:{number}", fix=fix)
        entries.append((number, name, [value.strip()]))
    for number, name, values in entries:
        key, argument = _split_argument(name)
        yield number, key, argument, " ".join(value for value in values if value)


def _split_key(content: str) -> tuple[str, str, str]:
    """Cut a line at its first colon outside of double quotes."""
    quoted = False
    for index, letter in enumerate(content):
        quoted ^= letter == '"'
        if letter == ":" and not quoted:
            return content[:index].strip(), ":", content[index + 1 :]
    return content.strip(), "", ""


def _split_argument(name: str) -> tuple[str, str]:
    """Tell a key from the column behind it: `column price` is of the key `column`."""
    for key, known in _KEYS.items():
        if known.takes_column and name.startswith(f"{key} "):
            return key, name.removeprefix(key).strip()
    return name, ""


def _text(value: str) -> str:
    if not value:
        raise _Malformed("there is no text")
    return value


def _names(value: str) -> tuple[str, ...]:
    """Parse names between commas; one with a comma, a colon or a quote in it stands in double quotes."""
    names, at = [], 0
    while True:
        match = _NAME.match(value, at)
        if match is None:
            raise _Malformed("there is no name" if not value else "it is no list of names")
        names.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        at = match.end()
        if at == len(value):
            break
        if value[at] != ",":
            raise _Malformed("there is no comma between two names")
        at += 1
    if len({name.lower() for name in names}) < len(names):
        raise _Malformed("a name is there twice")
    return tuple(names)


def _one_name(value: str) -> str:
    names = _names(value)
    if len(names) != 1:
        raise _Malformed("it wants one name")
    return names[0]


def _values(value: str) -> tuple[str, ...]:
    """Parse values between commas; one with a comma or a quote in it stands in single quotes."""
    values, at = [], 0
    while True:
        match = _VALUE.match(value, at)
        if match is None:
            raise _Malformed("there is no value")
        values.append(match[1].replace("''", "'") if match[1] is not None else match[2])
        at = match.end()
        if at == len(value):
            return tuple(values)
        if value[at] != ",":
            raise _Malformed("there is no comma between two values")
        at += 1


def _fraction(value: str) -> float:
    match = _PERCENT.match(value)
    if match is None:
        raise _Malformed("it is no percentage")
    return float(match[1]) / 100


def _to_dict(before: dict[str, str] | None, column: str, value: str) -> dict[str, str]:
    return {**(before or {}), column: value}


def _to_list(before: tuple[Any, ...] | None, column: str, value: Any) -> tuple[Any, ...]:
    return (*(before or ()), (column, value) if column else value)


@dataclass(frozen=True)
class _Key:
    """What a key of the header means: its field, how its value is written, and how several of them add up."""

    field: str
    parse: Callable[[str], Any]
    example: str
    add: Callable[[Any, str, Any], Any] | None = None
    takes_column: bool = False


_KEYS = {
    "description": _Key("description", _text, "description: What buyers say, once per review"),
    "column": _Key("columns", _text, "column price: What a pack costs", _to_dict, takes_column=True),
    "primary key": _Key("primary_key", _names, "primary key: shop_id, day"),
    "partition by": _Key("partition_by", _names, "partition by: country"),
    "inputs": _Key("inputs", _names, "inputs: clean.reviews, landing.shops"),
    "incremental": _Key("incremental", _text, "incremental: landing.reviews"),
    "delete when": _Key("delete_when", _text, "delete when: _sdc_deleted_at IS NOT NULL"),
    "not null": _Key("not_null", _names, "not null: brand, rating"),
    "unique": _Key("unique", _names, "unique: shop_id, day", _to_list),
    "accepted values": _Key("accepted", _values, "accepted values currency: EUR, USD", _to_list, takes_column=True),
    "row count change": _Key("row_change", _fraction, "row count change: at most 50%"),
}


def _unknown_key(key: str, where: str) -> UsageError:
    words = key.lower().split()
    starts = (" ".join(words[:count]) for count in range(len(words), 0, -1))  # behind a key there may be a column
    near = next((found for start in starts if (found := difflib.get_close_matches(start, _KEYS, n=1))), [])
    fix = f'did you mean "{near[0]}"?' if near else f"the keys are: {', '.join(_KEYS)}"
    return UsageError(f'unknown key "{key}" in the header', where=where, fix=fix)
