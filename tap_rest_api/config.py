"""Turns a configuration file into frozen values: one Config, its Streams and their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_rest_api.allowance import RunLimits, to_run_limits, without_run_limits
from tap_rest_api.auth_options import Auth, to_auth
from tap_rest_api.check import check_document
from tap_rest_api.document import find_secrets, load_document
from tap_rest_api.error_rules import ErrorRule, to_error_rule
from tap_rest_api.limits import Limits, to_limits
from tap_rest_api.origin import user_secrets
from tap_rest_api.template import literal, references_of
from tap_rest_api.traversal import to_pagination, to_parent, to_partitions, to_replication

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_rest_api.document import Document
    from tap_rest_api.limits import Rate
    from tap_rest_api.traversal import Pagination, Parent, Replication

DEFAULT_CONCURRENCY = 4
DEFAULT_USER_AGENT = "tap-rest-api (set user_agent in the configuration to say who asks)"


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of the configuration.

    Attributes:
        where: Points at it in the file, for messages.
        condition: The option "where".
        partitions: What it is read for, one after another; none for a stream that is read once.
        identity: The names whose values tell one bookmark from another; None for the parent's primary key and all
            of the partition's names but the secret ones.
        secret_names: Names of the partitions that credentials are made of, and that must not stand in a STATE.
        concurrency: How many of its pages may be under way.
        auth_of: Gives the auth of a partition, where it is not the same for all of them.
    """

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
    body_type: str = "json"
    format: str = "auto"
    condition: str | None = None
    add: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    mask: Mapping[str, str] = field(default_factory=dict)
    explode: str | None = None
    on_new_field: str = "keep"
    partitions: tuple[Mapping[str, Any], ...] = ()
    identity: tuple[str, ...] | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    auth_of: Callable[[Mapping[str, Any]], Auth] | None = None
    secret_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration.

    Attributes:
        secrets: Must never be written anywhere.
        rates: What the streams keep together; a stream with other rates keeps its own.
        proxy: The URL of an HTTP proxy; None to connect directly.
        verify: Whether certificates are verified, or the path of the authorities that count.
        run_limits: When the run ends, whatever is left to read.
    """

    base_url: str
    user_agent: str
    allowed_hosts: tuple[str, ...]
    streams: tuple[Stream, ...]
    secrets: frozenset[str]
    mask_key: str = ""
    rates: tuple[Rate, ...] = ()
    proxy: str | None = None
    verify: bool | str = True
    run_limits: RunLimits = field(default_factory=RunLimits)

    def stream(self, name: str) -> Stream:
        """Return a stream by its name."""
        return next(stream for stream in self.streams if stream.name == name)


def load_config(path: str, environment: Mapping[str, str]) -> Config:
    """Read, expand, merge and check a configuration file.

    Raises:
        ConfigError: It cannot be used; the message says what, where and how to mend it.
    """
    return to_config(load_document(path, environment), find_secrets(path, environment))


def to_config(document: Document, secrets: set[str]) -> Config:
    """Check a document and read its options.

    Args:
        document: A configuration, expanded and merged.
        secrets: The values of the environment variables that it names.

    Raises:
        ConfigError: It cannot be used.
    """
    check_document(document)
    merged = document.merged
    streams = tuple(_to_stream(document, index) for index in range(len(merged["streams"])))
    mask_key = literal(merged.get("mask_key", ""))
    return Config(
        base_url=literal(merged["base_url"]).rstrip("/"),
        user_agent=literal(merged.get("user_agent", DEFAULT_USER_AGENT)),
        allowed_hosts=tuple(merged.get("allowed_hosts", ())),
        streams=streams,
        secrets=frozenset(
            secrets.union(
                *(_secrets_of(stream) for stream in streams),
                user_secrets(literal(merged.get("proxy", ""))),
                [mask_key],
            )
        ),
        mask_key=mask_key,
        rates=to_limits(without_run_limits(merged.get("limits", {}))).rates,
        proxy=literal(merged["proxy"]) if "proxy" in merged else None,
        verify=merged.get("verify", True),
        run_limits=to_run_limits(merged.get("limits", {})),
    )


def _secrets_of(stream: Stream) -> set[str]:
    auths = map(stream.auth_of, stream.partitions) if stream.auth_of else [stream.auth]
    return set[str]().union(*(auth.secrets() for auth in auths))


def _to_stream(document: Document, index: int) -> Stream:
    raw = document.merged["streams"][index]
    limits = raw.get("limits", {})
    secret_names = references_of("partition", raw.get("auth"))
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
        replication=to_replication(raw, document.merged.get("start_date"), document.merged.get("end_date")),
        parent=to_parent(raw.get("parent")),
        partitions=to_partitions(raw.get("partitions", ())),
        identity=tuple(raw["identity"]) if "identity" in raw else None,
        pagination=to_pagination(raw),
        limits=to_limits(without_run_limits(limits)),
        errors=tuple(to_error_rule(rule) for rule in raw.get("errors", ())),
        auth=Auth() if secret_names else to_auth(raw.get("auth", {})),
        selected=raw.get("selected", True),
        body_type=raw.get("body_type", "json"),
        format=raw.get("format", "auto"),
        condition=raw.get("where"),
        add=raw.get("add", {}),
        drop=tuple(raw.get("drop", ())),
        mask=raw.get("mask", {}),
        explode=raw.get("explode"),
        on_new_field=raw.get("on_new_field", "keep"),
        concurrency=limits.get("concurrency", DEFAULT_CONCURRENCY),
        auth_of=partial(_to_auth_of, raw["auth"]) if secret_names else None,
        secret_names=frozenset(secret_names),
    )


def _to_auth_of(raw: Mapping[str, Any], partition: Mapping[str, Any]) -> Auth:
    return to_auth(raw, {"partition": partition})
