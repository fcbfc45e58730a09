"""Turns drafts of streams, and the schemas of their records, into a configuration and a catalog to write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.catalog import to_entry
from tap_rest_api.config import to_config
from tap_rest_api.document import to_document
from tap_rest_api.template import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_rest_api.probe.notes import Notes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a probe, or an API's own description, comes to.

    Attributes:
        name: What the API may be called.
        tap: The configuration, as it is to be written: secrets by the names of their variables only.
        schemas: Those of the streams' records, by stream.
        notes: What was found, and what could not be told.
    """

    name: str
    tap: Mapping[str, Any]
    schemas: Mapping[str, Mapping[str, Any]]
    notes: Notes

    def variables(self) -> list[str]:
        """Return the environment variables that a run needs."""
        streams = [{**stream, "schema": {}} for stream in self.tap["streams"]]  # nothing is expanded in a schema
        text = json.dumps({**self.tap, "streams": streams})
        found = (match["name"] for match in REFERENCE.finditer(text) if match["group"] == "env")
        return list(dict.fromkeys(found))

    def catalog(self) -> dict[str, Any]:
        """Return the catalog of all streams.

        Raises:
            ConfigError: The configuration is not one that a run would take, which a probe's is.
        """
        document = to_document(self.tap, "the draft", dict.fromkeys(self.variables(), "unset"))
        config = to_config(document, set())
        return {"streams": [to_entry(stream, stream.schema or self.schemas[stream.name]) for stream in config.streams]}

    def facts(self) -> dict[str, Any]:
        """Return everything for a program; schemas that a stream has itself apart, as files to stand beside it."""
        streams: list[dict[str, Any]] = []
        files: dict[str, Any] = {}
        for stream in self.tap["streams"]:
            name = f"schemas/{stream['name']}.json"
            files |= {name: stream["schema"]} if "schema" in stream else {}
            streams.append({**stream, "schema": name} if "schema" in stream else stream)
        about = {"name": self.name, "tap": {**self.tap, "streams": streams}, "catalog": self.catalog(), "files": files}
        return {**about, "variables": self.variables(), **self.notes.facts()}
