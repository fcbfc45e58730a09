"""What the API is asked and what it answers, before either is bytes on a wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `query` holds the last value of each parameter, decoded; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: `before`, the records' texts joined by commas, and `after` make its body.

    Attributes:
        stream: Whose records the texts are; empty when the log of served records shall not see them.
        ends_walk: Whether this is the last page of a walk through the reviews.
    """

    status: int
    before: bytes = b""
    texts: tuple[bytes, ...] = ()
    after: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", JSON),)
    stream: str = ""
    ends_walk: bool = False

    @property
    def body(self) -> bytes:
        """The bytes to send, before any Content-Encoding."""
        return self.before + b",".join(self.texts) + self.after


class RefusedError(Exception):
    """The request is wrong; the API says so with `status` and an error object."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def json_response(value: Any, status: int = 200) -> Response:
    """Return an answer whose body is `value` as compact JSON."""
    return Response(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def error_response(status: int, code: str, message: str) -> Response:
    """Return the API's error object."""
    return json_response({"error": {"code": code, "message": message}}, status)
