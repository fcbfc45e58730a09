"""Turns a record's own bytes into the bytes to send: fields put in, left out or masked, the rest as it was."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import msgspec

from tap_rest_api.errors import BodyError
from tap_rest_api.json_body import encode_exact, open_array, open_object, opens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_rest_api.field_tree import Tree
    from tap_rest_api.json_body import Slice

    Edit = Callable[[Slice], Slice | None]


def add_fields(records: Sequence[Slice], fields: Mapping[str, Any]) -> list[bytes]:
    """Put the same fields at the front of every record. The rest of its bytes stay as they are."""
    added = b", ".join(json.dumps(name).encode() + b": " + encode_exact(value) for name, value in fields.items())
    return [_add(bytes(record), added) for record in records]


def _add(record: bytes, added: bytes) -> bytes:
    rest = record[1:].lstrip()
    return b"{" + added + (b"" if rest == b"}" else b", ") + rest


def leave_out(_: Slice) -> None:
    """Leave a field out."""
    return


def masked_with(key: str) -> Edit:
    """Return what replaces a value by its HMAC-SHA-256 (RFC 2104), in hexadecimal; null stays null.

    Of a text its UTF-8 is hashed, of a number the digits as they stand, of anything else its JSON without
    spaces and with sorted keys. Nobody without the key can try out what the values might have been.
    """
    secret = key.encode()

    def mask(value: Slice) -> Slice:
        if opens(value, b"n"):
            return value
        return b'"%b"' % hmac.new(secret, _content(value), hashlib.sha256).hexdigest().encode()

    return mask


def _content(value: Slice) -> bytes:
    if not opens(value, b'"') and not opens(value, b"{") and not opens(value, b"["):
        return bytes(value)
    content = json.loads(bytes(value), parse_int=str, parse_float=str, parse_constant=str)
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def edit_records(records: Sequence[Slice], tree: Tree[Edit]) -> Sequence[Slice]:
    """Change the fields that a tree names. A record that has none of them stays as it is.

    Raises:
        BodyError: A record is nested too deeply.
    """
    if not tree:
        return records
    try:
        return [_edit(record, tree) for record in records]
    except RecursionError:
        raise BodyError("the answer is nested too deeply") from None


def _edit(value: Slice, tree: Tree[Edit]) -> Slice:
    if opens(value, b"["):
        elements = open_array(value)
        edited = [_edit(element, tree) for element in elements]
        is_same = all(new is old for new, old in zip(edited, elements, strict=True))
        return value if is_same else b"[%b]" % b",".join(edited)
    return _edit_object(value, tree) if opens(value, b"{") else value


def _edit_object(value: Slice, tree: Tree[Edit]) -> Slice:
    members = open_object(value)
    changed: dict[str, Slice | None] = {}
    for name in tree.keys() & members.keys():
        below = tree[name]
        new = _edit(members[name], below) if isinstance(below, dict) else below(members[name])
        if new is not members[name]:
            changed[name] = new
    if not changed:
        return value
    return join_object({name: item for name, item in {**members, **changed}.items() if item is not None})


def join_object(members: Mapping[str, Slice]) -> bytes:
    """Put an object together from its values' own texts."""
    return b"{%b}" % b",".join(b"%b:%b" % (_key(name), value) for name, value in members.items())


def _key(name: str) -> bytes:
    try:
        return msgspec.json.encode(name)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write only as an escape
        return json.dumps(name).encode()
