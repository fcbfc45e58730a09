"""Turns an XML body into records and into a Body of what is around them, each element as JSON.

An element with neither attributes nor elements in it is its text. Any other is an object: its attributes under
`@name`, its elements under their names, its own text under `#text`. Elements of one name side by side become an
array. Names are without their namespaces, every value is a text, and xsi:nil is null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from tap_rest_api.charset import find_charset, to_utf8
from tap_rest_api.errors import BodyError, RecordsPathError, RefusedError
from tap_rest_api.json_body import Body, encode_exact, parse_body
from tap_rest_api.log import LOGGER
from tap_rest_api.media import charset_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_DEPTH = 200
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_STEP_BYTES = 1024 * 1024
_SHOWN_NAMES = 12


def parse_xml(content: bytes, content_type: str, path: str | None) -> tuple[Body, list[bytes]]:
    """Read a body whose records are the elements at a path: the last names on the way to them, at least two.

    Raises:
        BodyError: It is not XML, or nested too deeply.
        RefusedError: It declares entities.
        RecordsPathError: It has no element in which such a record could stand.
    """
    builder = _Builder([] if path is None else path.replace("[]", "").split("."))
    is_told = charset_of(content_type) is not None or find_charset(content[:4], content_type) != "utf-8"
    content = to_utf8(content, content_type) if is_told else content  # RFC 7303, 3: else the declaration says it
    parser = DefusedXMLParser(target=builder, encoding="utf-8" if is_told else None, forbid_entities=True)
    try:
        for at in range(0, len(content), _STEP_BYTES):
            parser.feed(content[at : at + _STEP_BYTES])
        root = parser.close()
    except DefusedXmlException:
        fix = "ask the API for JSON or CSV: entities can name files and grow without bounds."
        raise RefusedError("the answer declares XML entities, which are not read", fix=fix) from None
    except (ParseError, ValueError, LookupError) as error:
        raise BodyError(f"the answer is not XML: {error}" if content else "the answer is empty") from None
    if path is None:
        raise RecordsPathError("is XML, and nothing says which element is a record", fix=_suggest(builder))
    if not builder.records and not builder.has_place:
        raise RecordsPathError(f'has no element "{path.rpartition(".")[0] or path}"', fix=_suggest(builder))
    if not builder.records:
        _warn_of_others(builder, path)
    text = encode_exact(root)
    return (parse_body(text) if text[:1] == b"{" else Body(b"{}", {})), builder.records


def _warn_of_others(builder: _Builder, path: str) -> None:
    """Say what several elements stand where no record does: an empty page, or a slip in the option "records".

    Links are at home there: an Atom feed without entries has some.
    """
    place, _, name = path.rpartition(".")
    beside = [found for found in builder.repeated if found.rpartition(".")[0] == place.rpartition(".")[2]]
    others = [found for found in beside if not found.endswith(".link")]
    if others:
        LOGGER.warning('a page has no "%s", but several of: %s. Is "records" right?', name, ", ".join(others))


@dataclass(slots=True)
class _Element:
    name: str
    attributes: Mapping[str, str]
    is_record: bool
    children: dict[str, list[Any]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def value(self) -> Any:
        """Return what the element is as JSON."""
        text = "".join(self.texts)
        if self.attributes.get(_NIL) in ("true", "1"):
            return None
        if not self.attributes and not self.children:
            return text
        found: dict[str, Any] = {f"@{_local(name)}": value for name, value in self.attributes.items()}
        found |= {name: values if len(values) > 1 else values[0] for name, values in self.children.items()}
        return {**found, "#text": text.strip()} if text.strip() else found


class _Builder:
    """What the parser tells of its elements; only the ones that are open are held, and what is no record."""

    def __init__(self, path: list[str]) -> None:
        self.records: list[bytes] = []
        self.has_place = False  # an element in which records could stand has been seen
        self.repeated: dict[str, None] = {}
        self._path = path
        self._names: list[str] = []
        self._open: list[_Element] = []
        self._in_record = False
        self._root: Any = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise BodyError("the answer is nested too deeply")
        self._names.append(_local(tag))
        is_record = not self._in_record and self._ends_with(self._path)
        self._in_record = self._in_record or is_record
        self.has_place = self.has_place or self._ends_with(self._path[:-1])
        self._open.append(_Element(self._names[-1], attributes, is_record))

    def _ends_with(self, path: list[str]) -> bool:
        return bool(path) and self._names[-len(path) :] == path

    def data(self, text: str) -> None:
        self._open[-1].texts.append(text)

    def end(self, _: str) -> None:
        element = self._open.pop()
        self._names.pop()
        if element.is_record:
            self._in_record = False
            self.records.append(_to_record(element))
        elif self._open:
            siblings = self._open[-1].children.setdefault(element.name, [])
            siblings.append(element.value())
            if len(siblings) > 1:
                self.repeated[f"{self._names[-1]}.{element.name}"] = None
        else:
            self._root = element.value()

    def close(self) -> Any:
        return self._root


def _suggest(builder: _Builder) -> str:
    names = list(builder.repeated)[:_SHOWN_NAMES]
    return f'set "records" to one of: {", ".join(names)}.' if names else 'set "records" to PARENT.ELEMENT.'


def _to_record(element: _Element) -> bytes:
    """Write a record's element; it is an object even where it holds a text alone."""
    value = element.value()
    return encode_exact(value if isinstance(value, dict) else {"#text": value})


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
