"""A configuration's text becomes the environment variables that it names, set or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lake.preflight.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMED = re.compile(r"(?<!\$)\$\{env\.(?P<name>[^{}|]+)")


def check_variables(document: Mapping[str, Any], environment: Mapping[str, str]) -> Check:
    """Look whether every variable is set. An empty one is a warning: nobody means to send an empty secret.

    So is one that only a run's failure needs, to tell somebody.
    """
    names = list(dict.fromkeys(_names(document)))
    lake = document.get("lake")
    rest = {**document, "lake": {**lake, "notify": None}} if isinstance(lake, dict) else document
    needed = set(_names(rest))
    unset = [name for name in names if name not in environment]
    empty = [name for name in names if environment.get(name) == ""]
    fix = "; ".join(f"export {name}=…" for name in [*unset, *empty])
    if needed.intersection(unset):
        return Check(what="variables", state="failed", found=f"not set: {', '.join(unset)}", fix=fix, exit_code=2)
    if unset:
        found = f"not set: {', '.join(unset)}; nobody can be told of a failure"
        return Check(what="variables", state="warning", found=found, fix=fix)
    if empty:
        return Check(what="variables", state="warning", found=f"set, but empty: {', '.join(empty)}", fix=fix)
    return Check(what="variables", found=f"set: {', '.join(names)}" if names else "none are named")


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (match["name"] for match in _NAMED.finditer(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
