"""Turns list operations into those that can be read: one with parameters in its path becomes the child of another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.spec.operations import PATH_PARAMETER, Operation
from tap_rest_api.spec.paging import find_primary_key
from tap_rest_api.template import escape_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_NOT_OURS = frozenset({"accept", "content-type", "authorization"})
"""Headers that no parameter describes (OpenAPI 3, "Parameter Object"): the tap sets them itself."""


@dataclass(frozen=True, slots=True)
class Member:
    """An operation that can be read.

    Attributes:
        path: The option "path", its parameters as templates.
        parent: The name of the parent's stream.
        keep: What the parent gives to each record, so that grandchildren find it: its field, by parameter.
        params: Required parameters of the query, with their defaults.
        headers: Required headers, with their defaults; None for one that has none.
    """

    operation: Operation
    path: str
    parent: str | None
    keep: Mapping[str, str]
    params: Mapping[str, Any]
    headers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the stream's name."""
        return self.operation.name


def to_family(operations: Sequence[Operation]) -> tuple[list[Member], dict[str, str]]:
    """Put children below their parents.

    Returns:
        Those that can be read, parents before their children; and why others cannot, by path.
    """
    members: dict[str, Member] = {}
    why_not: dict[str, str] = {}
    for operation in sorted(_distinct(operations), key=lambda each: len(each.needs())):
        missing = [name for name, default in _required(operation, "query").items() if default is None]
        if _place_of(operation) in members:
            why_not[operation.path] = "it differs from another path by the slash at its end"
            continue
        if missing:
            why_not[operation.path] = f"it needs the parameter {', '.join(missing)}"
            continue
        member = _place(operation, members)
        if member is None:
            why_not[operation.path] = f"nothing lists what {', '.join(operation.needs())} may be"
        else:
            members[_place_of(operation)] = member
    return list(members.values()), why_not


def _distinct(operations: Sequence[Operation]) -> list[Operation]:
    """Give each operation a name of its own."""
    taken: set[str] = set()
    named = []
    for operation in sorted(operations, key=lambda each: len(each.path)):
        name, fixed = operation.name, [part for part in operation.path.split("/") if part and "{" not in part]
        if name in taken:
            name = "_".join(dict.fromkeys([*fixed[-2:-1], operation.name]))
        while name in taken:
            name += "_2"
        taken.add(name)
        named.append(replace(operation, name=name))
    return named


def _place_of(operation: Operation) -> str:
    """Return where an operation stands among others: its path, without the slash that some APIs end theirs with."""
    return operation.path.rstrip("/")


def _required(operation: Operation, place: str) -> dict[str, Any]:
    """Return the parameters that a request has to have, with their defaults."""
    return {p.name: _default(p.schema) for p in operation.parameters if p.is_required and p.place == place}


def _default(schema: Mapping[str, Any]) -> Any:
    choices = schema.get("enum") or [None]
    return escape_all(schema.get("default", choices[0]))


def _place(operation: Operation, members: dict[str, Member]) -> Member | None:
    """Find the parent of an operation; None where there is none that gives all that its path needs."""
    params = {name: default for name, default in _required(operation, "query").items() if default is not None}
    headers = {name: value for name, value in _required(operation, "header").items() if name.lower() not in _NOT_OURS}
    needs = operation.needs()
    if not needs:
        return Member(operation, operation.path, None, {}, params, headers)
    above, slash, _ = operation.path.rpartition(f"/{{{needs[-1]}}}")
    parent = members.get(above) if slash else None
    if parent is None or parent.operation.needs() != needs[:-1]:
        return None
    own = _field_for(needs[-1], parent.operation)
    if own is None:
        return None
    fields = {needs[-1]: own}
    for name in needs[:-1]:
        if name not in _properties(parent.operation):
            parent = _keeping(parent, name, members)
        fields[name] = name
    path = PATH_PARAMETER.sub(lambda match: f"${{parent.{fields[match[1]]}}}", operation.path)
    return Member(operation, path, parent.name, {}, params, headers)


def _keeping(member: Member, name: str, members: dict[str, Member]) -> Member:
    """Let a stream's records carry a field of its own parent, under the parameter's name."""
    template = PATH_PARAMETER.findall(member.operation.path).index(name)
    field = [part.removesuffix("}").rpartition(".")[2] for part in member.path.split("${")[1:]][template].split("}")[0]
    wider = replace(member, keep={**member.keep, name: field})
    members[_place_of(member.operation)] = wider
    return wider


def _field_for(parameter: str, parent: Operation) -> str | None:
    """Return the field of a parent's records that a path parameter takes."""
    fields = _properties(parent)
    if parameter in fields:
        return parameter
    bare = parameter.replace("-", "_").lower()
    for name in fields:
        if bare.endswith(name.lower()) and name.lower() in ("id", "uuid", "key", "code", "slug", "name", "number"):
            return name
    return next(iter(find_primary_key(parent)), None)


def _properties(operation: Operation) -> Mapping[str, Any]:
    found: Mapping[str, Any] = operation.schema.get("properties", {})
    return found
