"""A JSON Schema `pattern` → an RE2 pattern that accepts no text which the validator refuses.

The two engines read the same syntax with small differences: what a word, a space, a point and the end are, above all
past ASCII. Only what can be written so that RE2 accepts the same or less is translated; a text that it refuses is
looked at by the validator.
"""

from __future__ import annotations

import re
from typing import Final

_LITERAL_ESCAPES: Final = frozenset("\\/.^$|?*+()[]{}-")
_LITERALS: Final = {char: f"\\{char}" for char in _LITERAL_ESCAPES} | {"/": "/", "-": "-"}
_NOT_SPACE: Final = r"[^\s\v\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]"
_CLASSES: Final = {"d": "[0-9]", "w": "[0-9A-Za-z_]", "s": r"[ \t\n\r\f\v]", "S": _NOT_SPACE}
_DOT: Final = r"[^\n\r\x{2028}\x{2029}]"
_ESCAPES: Final = {**_LITERALS, **_CLASSES}
_IN_CLASS: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\r\f\v"}
_SINGLES: Final = {".": _DOT, "$": r"\z", "^": r"\A", "|": "|", ")": ")"}
_PLAIN: Final = re.compile(r"[0-9A-Za-z _@#%&=:;,<>!~\"'`/-]")
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??")
_CLASS: Final = re.compile(r"\[(\^?)((?:[^\\\]\[]|\\.)+)\]")
_UNLIKE: Final = re.compile(r"&&|--|~~|\\[dws]-.|.-\\[dws]", re.DOTALL)
"""What the engines read unlike each other within brackets."""

_CLASS_ITEM: Final = re.compile(r"\\(?P<escape>.)|(?P<char>.)", re.DOTALL)
_GROUP: Final = re.compile(r"\((?:\?:|(?!\?))")


def to_re2(pattern: str) -> str | None:
    """Return the pattern for RE2, or None if it has something that is not translated."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        found = _token(pattern, position)
        if found is None:
            return None
        text, position = found
        out.append(text)
    return "".join(out)


def _token(pattern: str, at: int) -> tuple[str, int] | None:
    """Return the translation of what stands at a place, and where it ends."""
    char = pattern[at]
    if char in _SINGLES:
        return _SINGLES[char], at + 1
    if char == "\\":
        text = _ESCAPES.get(pattern[at + 1 : at + 2])
        return (text, at + 2) if text else None
    if char == "[":
        return _class(pattern, at)
    match = _GROUP.match(pattern, at) or _QUANTIFIER.match(pattern, at) or _PLAIN.match(pattern, at)
    return ("(?:" if char == "(" else match[0], match.end()) if match else None


def _class(pattern: str, at: int) -> tuple[str, int] | None:
    match = _CLASS.match(pattern, at)
    if not match or _UNLIKE.search(match[2]):
        return None
    items: list[str] = []
    for item in _CLASS_ITEM.finditer(match[2]):
        escape = item["escape"]
        if escape is None:
            if not item["char"].isascii():
                return None
            items.append(item["char"])
        elif escape in _IN_CLASS and not match[1]:
            items.append(_IN_CLASS[escape])
        elif escape in _LITERAL_ESCAPES:
            items.append(f"\\{escape}")
        else:
            return None
    return f"[{match[1]}{''.join(items)}]", match.end()
