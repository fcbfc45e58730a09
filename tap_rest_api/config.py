"""Turns a configuration file into frozen values: one Config, its Streams and their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.check import check_document
from tap_rest_api.document import find_secrets, load_document
from tap_rest_api.instants import parse_duration
from tap_rest_api.template import literal
from tap_rest_api.traversal import to_pagination, to_parent, to_replication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_rest_api.document import Document
    from tap_rest_api.traversal import Pagination, Parent, Replication

DEFAULT_USER_AGENT = "tap-rest-api (set user_agent in the configuration to say who asks)"


@dataclass(frozen=True, slots=True)
class Auth:
    """How a request says who asks. `place` is the option "in"."""

    type: str = "none"
    username: str = ""
    password: str = ""
    token: str = ""
    place: str = "header"
    name: str = "X-API-Key"
    prefix: str = ""

    def secrets(self) -> set[str]:
        """Return the texts that must never be written anywhere, one of them as basic auth joins it."""
        pair = f"{self.username}:{self.password}" if self.type == "basic" else ""
        return {self.username, self.password, self.token, pair} - {""}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, and how often it is tried again."""

    retries: int = 6
    max_wait_seconds: float = 300.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 120.0
    total_timeout_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What to do (retry, skip, end, fail) about an answer with a status ("5xx" or 404) and a body."""

    do: str
    status: tuple[int | str, ...] = ()
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of the configuration. `where` points at it in the file, for messages."""

    name: str
    path: str
    where: str
    method: str
    params: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: Any
    records: str | None
    primary_key: tuple[str, ...]
    schema: Mapping[str, Any] | None
    sample: int
    replication: Replication | None
    parent: Parent | None
    pagination: Pagination
    limits: Limits
    errors: tuple[ErrorRule, ...]
    auth: Auth
    selected: bool


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. `secrets` must never be written anywhere."""

    base_url: str
    user_agent: str
    allowed_hosts: tuple[str, ...]
    streams: tuple[Stream, ...]
    secrets: frozenset[str]

    def stream(self, name: str) -> Stream:
        """Return a stream by its name."""
        return next(stream for stream in self.streams if stream.name == name)


def load_config(path: str, environment: Mapping[str, str]) -> Config:
    """Read, expand, merge and check a configuration file.

    Raises:
        ConfigError: It cannot be used; the message says what, where and how to mend it.
    """
    document = load_document(path, environment)
    check_document(document)
    merged = document.merged
    streams = tuple(_to_stream(document, index) for index in range(len(merged["streams"])))
    return Config(
        base_url=literal(merged["base_url"]).rstrip("/"),
        user_agent=literal(merged.get("user_agent", DEFAULT_USER_AGENT)),
        allowed_hosts=tuple(merged.get("allowed_hosts", ())),
        streams=streams,
        secrets=frozenset(find_secrets(path, environment).union(*(stream.auth.secrets() for stream in streams))),
    )


def _to_stream(document: Document, index: int) -> Stream:
    raw = document.merged["streams"][index]
    return Stream(
        name=raw["name"],
        path=raw["path"],
        where=document.where(["streams", index]),
        method=raw.get("method", "GET"),
        params=raw.get("params", {}),
        headers=raw.get("headers", {}),
        body=raw.get("body"),
        records=raw.get("records"),
        primary_key=tuple(raw.get("primary_key", ())),
        schema=raw.get("schema"),
        sample=raw.get("sample", 100),
        replication=to_replication(raw, document.merged.get("start_date")),
        parent=to_parent(raw.get("parent")),
        pagination=to_pagination(raw),
        limits=_to_limits(raw.get("limits", {})),
        errors=tuple(_to_error_rule(rule) for rule in raw.get("errors", ())),
        auth=_to_auth(raw.get("auth", {})),
        selected=raw.get("selected", True),
    )


def _to_auth(raw: Mapping[str, str]) -> Auth:
    renamed = {"place" if key == "in" else key: literal(value) for key, value in raw.items()}
    return Auth(**renamed)


def _to_limits(raw: Mapping[str, Any]) -> Limits:
    values: dict[str, Any] = {f"{key}_seconds": value for key, value in raw.items() if key != "retries"}
    if "max_wait" in raw:
        values["max_wait_seconds"] = _to_seconds(raw["max_wait"])
    return Limits(**values, **{key: value for key, value in raw.items() if key == "retries"})


def _to_seconds(text: str) -> float:
    duration = parse_duration(text)
    if duration is None:
        raise AssertionError(text)  # check_document has read it already
    return duration.total_seconds()


def _to_error_rule(raw: Mapping[str, Any]) -> ErrorRule:
    return ErrorRule(raw["do"], tuple(raw.get("status", ())), raw.get("where"))
