"""A subschema → the parts that all apply to a value, each an object of keywords without references.

`$ref` and `allOf` are followed, and a choice between null and one other schema becomes that other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_datalake.columnar.keywords import Uncompilable, takes_null

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_datalake.json_schema import JsonSchema

_KEYWORDS_OF_CHOICE: Final = frozenset({"enum", "const", "anyOf", "oneOf", "not", "if", "allOf", "$ref"})


@dataclass(frozen=True)
class Part:
    """One of the subschemas that all apply to a value; and whether null is valid by it."""

    node: dict[str, Any]
    takes_null: bool


class Subschemas:
    """The subschemas of one stream's schema."""

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema

    def parts(self, schema: Any, active: tuple[str, ...] = ()) -> list[Part]:
        """Return the parts of a subschema.

        Args:
            schema: The subschema.
            active: The references that led here.

        Raises:
            Uncompilable: It refers to itself, or out of the schema, or no value is valid.
        """
        if not isinstance(schema, dict):
            if schema:
                return []
            raise Uncompilable("it must not be there")
        own = {keyword: value for keyword, value in schema.items() if keyword not in {"$ref", "allOf"}}
        found: list[Part] = []
        if "$ref" in schema:
            found += self.parts(self._target(schema["$ref"], active), (*active, schema["$ref"]))
            if self._schema.ref_hides_siblings:
                return found
        for part in schema.get("allOf", []):
            found += self.parts(part, active)
        return found + self._without_null(own, active)

    def _target(self, ref: str, active: tuple[str, ...]) -> dict[str, Any]:
        target = None if ref in active else self._schema.target(ref)
        if target is None:
            raise Uncompilable(f"the $ref {ref} leads back to itself, or out of the schema")
        return target

    def _without_null(self, node: dict[str, Any], active: tuple[str, ...]) -> list[Part]:
        for choice in ("anyOf", "oneOf"):
            others = [branch for branch in node.get(choice, []) if not is_null(branch)]
            if len(others) == 1 and len(node[choice]) > 1:
                branch = self.parts(others[0], active)
                is_null_twice = choice == "oneOf" and all(part.takes_null for part in branch)
                rest = {keyword: value for keyword, value in node.items() if keyword != choice}
                return [*self._without_null(rest, active), *(Part(part.node, not is_null_twice) for part in branch)]
        return [Part(node, self._takes_null(node))]

    def _takes_null(self, node: dict[str, Any]) -> bool:
        if not _KEYWORDS_OF_CHOICE.isdisjoint(node):
            return takes_null(node, self._schema)
        return "type" not in node or "null" in type_names(node)


def type_names(node: dict[str, Any]) -> Iterable[str]:
    """Return the JSON types that a subschema names; none where it has no `type`."""
    names = node.get("type", [])
    return [names] if isinstance(names, str) else names


def is_null(branch: Any) -> bool:
    """Say whether null, and nothing else, is valid by a subschema."""
    return isinstance(branch, dict) and list(type_names(branch)) == ["null"] and _KEYWORDS_OF_CHOICE.isdisjoint(branch)
