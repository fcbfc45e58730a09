"""Two Arrow fields of one name → the field that holds the values of both, the first having landed already.

What has landed keeps its physical type wherever that type holds the new values exactly, or with their source text in
`_sdc_extra`: an integer under a landed number is written as number, a date under a landed string as string, anything
under landed JSON text as JSON text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ELEMENT: Final = "element"
"""The name of a list's items, which is also what Parquet readers give back."""

_LOGICAL: Final = b"logical"
_APART: Final = b"apart"
_INT64_DIGITS: Final = 19
_DECIMAL_DIGITS: Final = 38


class Conflict(NamedTuple):
    """A field whose landed and new types have no common one."""

    path: str
    landed: str
    new: str


def json_text(name: str) -> pa.Field:
    """Return a string field that holds a value's own JSON text."""
    return pa.field(name, pa.string(), metadata={_LOGICAL: b"json"})


def is_json_text(field: pa.Field) -> bool:
    """Say whether a field holds JSON text."""
    return bool(field.metadata) and field.metadata.get(_LOGICAL) == b"json"


def apart(field: pa.Field) -> pa.Field:
    """Return a field whose type does not hold what landed under its name in earlier generations."""
    return field.with_metadata({**(field.metadata or {}), _APART: b"yes"})


def is_apart(field: pa.Field) -> bool:
    """Say whether a field's type does not hold what landed before its generation, whatever the types are."""
    return bool(field.metadata) and _APART in field.metadata


def same(first: pa.Field, second: pa.Field) -> bool:
    """Say whether two fields are equal, what is nested in them and their metadata included."""
    return bool(first.equals(second, check_metadata=True))


def type_name(field: pa.Field) -> str:
    """Return a field's type as a person reads it."""
    return "JSON text" if is_json_text(field) else str(field.type)


def widen(landed: pa.Field, new: pa.Field, path: str = "") -> tuple[pa.Field, list[Conflict]]:
    """Return the common field and the conflicts within it; where there is one, the new type stands."""
    path = path or landed.name
    if is_apart(new) and not is_apart(landed) and landed.type != new.type:
        return new, [Conflict(path, type_name(landed), type_name(new))]
    if is_json_text(landed) or same(landed, new):
        return landed, []
    if pa.types.is_struct(landed.type) and pa.types.is_struct(new.type):
        fields, conflicts = widen_fields(landed.type, new.type, f"{path}.")
        return landed.with_type(pa.struct(fields)), conflicts
    if pa.types.is_list(landed.type) and pa.types.is_list(new.type):
        element, conflicts = widen(landed.type.value_field, new.type.value_field, f"{path}[]")
        return landed.with_type(pa.list_(element)), conflicts
    common = None if is_json_text(new) else _common(landed.type, new.type)
    if common is None:
        return new, [Conflict(path, type_name(landed), type_name(new))]
    return landed.with_type(common), []


def widen_fields(
    landed: Iterable[pa.Field], new: Iterable[pa.Field], prefix: str = ""
) -> tuple[list[pa.Field], list[Conflict]]:
    """Widen fields by name: landed ones stay, in their order, then come the new ones.

    A new name that differs from a landed one only in case is left out, since engines read both as one.
    """
    coming = {field.name: field for field in new}
    fields: list[pa.Field] = []
    conflicts: list[Conflict] = []
    for field in landed:
        if field.name not in coming:
            fields.append(field)
            continue
        widened, found = widen(field, coming.pop(field.name), prefix + field.name)
        fields.append(widened)
        conflicts += found
    taken = {field.name.lower() for field in fields}
    return fields + [field for field in coming.values() if field.name.lower() not in taken], conflicts


def is_rewritten(landed: pa.DataType, widened: pa.DataType) -> bool:
    """Say whether values landed as one type have another physical type now; a field more in a struct is none."""
    if pa.types.is_struct(landed) and pa.types.is_struct(widened):
        return any(is_rewritten(field.type, widened.field(field.name).type) for field in landed)
    if pa.types.is_list(landed) and pa.types.is_list(widened):
        return is_rewritten(landed.value_type, widened.value_type)
    return bool(landed != widened)


def widened_columns(landed: pa.DataType, joined: pa.DataType, path: str = "") -> Iterator[str]:
    """Yield the paths, as Parquet writes them (`tags.list.element`), of what was integer and is now number."""
    if pa.types.is_struct(landed) and pa.types.is_struct(joined):
        for field in landed:
            yield from widened_columns(field.type, joined.field(field.name).type, f"{path}.{field.name}".lstrip("."))
    elif pa.types.is_list(landed) and pa.types.is_list(joined):
        yield from widened_columns(landed.value_type, joined.value_type, f"{path}.list.{ELEMENT}")
    elif (landed, joined) == (pa.int64(), pa.float64()):
        yield path


def _common(landed: pa.DataType, new: pa.DataType) -> pa.DataType | None:
    if landed == new or (landed == pa.string() and pa.types.is_temporal(new)):
        return landed
    if landed == pa.float64() and (new == pa.int64() or pa.types.is_decimal(new)):
        return landed
    if landed == pa.int64() and new == pa.float64():
        return new
    if pa.types.is_decimal(new) and (landed == pa.int64() or pa.types.is_decimal(landed)):
        return _common_decimal(landed, new)
    return landed if pa.types.is_decimal(landed) and new == pa.int64() else None


def _common_decimal(landed: pa.DataType, new: pa.DataType) -> pa.DataType | None:
    """Return the decimal with the larger scale; an int64 must still fit before its point."""
    if landed == pa.int64():
        return new if new.scale <= _DECIMAL_DIGITS - _INT64_DIGITS else None
    return landed if landed.scale >= new.scale else new
