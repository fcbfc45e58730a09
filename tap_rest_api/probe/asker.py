"""Turns the draft of a stream, and a place in its pages, into the API's answer; each request is shown first."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tap_rest_api.attempt import attempt
from tap_rest_api.auth import Signers
from tap_rest_api.config import to_config
from tap_rest_api.document import secrets_in, to_document
from tap_rest_api.errors import RefusedError
from tap_rest_api.log import LOGGER, Mask, set_up
from tap_rest_api.origin import parse_origin
from tap_rest_api.paginate import Position, first_position
from tap_rest_api.quota import parse_wait
from tap_rest_api.request import build_request
from tap_rest_api.retry import Failure, is_retried_status, wait_seconds
from tap_rest_api.transport import Reach, Transport
from tap_rest_api.verdict import status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_rest_api.config import Config, Stream
    from tap_rest_api.transport import Request, Response

T = TypeVar("T")

UNAUTHORIZED = 401
_MOST_REQUESTS = 24
_LIMITS = {"retries": 1, "read_timeout": 30, "total_timeout": 60, "max_wait": "PT1M"}
_DRAFT = "the draft"  # stands where a file's name would in a message


@dataclass(frozen=True, slots=True)
class World:
    """What a probe needs from outside: the environment's variables, ways to wait and to tell the time."""

    environment: Mapping[str, str]
    log_level: str = "info"
    log_format: str = "text"
    limits: Mapping[str, Any] = field(default_factory=lambda: _LIMITS)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def tell(text: str) -> None:
    """Say something to the person who watches, on stderr, without secrets."""
    LOGGER.info("%s", text, extra={"plain": True})


class Asker:
    """Asks one API about streams that are still drafts.

    Args:
        tap: The configuration without its streams.
        world: What it needs from outside.

    Raises:
        ConfigError: The configuration names a variable that is not set, or something that cannot be.
    """

    def __init__(self, tap: Mapping[str, Any], world: World) -> None:
        self._tap, self._world = {**tap, "limits": dict(world.limits)}, world
        self._mask = Mask(secrets_in(json.dumps(tap), world.environment))
        set_up(world.log_level, world.log_format, self._mask)
        self._loaded: dict[str, Config] = {}
        config = self._load({"name": "draft", "path": "/"})
        self._mask.add(config.secrets)
        self._transport = Transport(config, world.clock, world.now)
        self._signers = Signers(config.base_url, world.clock, world.now, self._mask.add)
        self._reach = Reach(parse_origin(config.base_url))
        self.requests = 0

    def _load(self, stream: Mapping[str, Any]) -> Config:
        key = json.dumps(stream, sort_keys=True)
        if key not in self._loaded:
            self._loaded[key] = self._read(stream)
        return self._loaded[key]

    def _read(self, stream: Mapping[str, Any]) -> Config:
        document = to_document({**self._tap, "streams": [stream]}, _DRAFT, self._world.environment)
        return to_config(document, set())

    def stream(self, raw: Mapping[str, Any]) -> Stream:
        """Read a draft as a run would.

        Raises:
            ConfigError: No run would take it.
        """
        return self._load(raw).streams[0]

    def ask(
        self, raw: Mapping[str, Any], why: str, position: Position | None = None, start: Any = None
    ) -> tuple[Response, Position]:
        """Show a request and send it.

        Args:
            raw: The draft of a stream.
            why: What the request is to find out.
            position: Which of its pages; the first by default.
            start: What `${sync.start}` stands for.

        Returns:
            The answer, whatever its status, and the page's place.

        Raises:
            ConfigError: The request cannot be built.
            CredentialsError: The credentials cannot be had.
            RefusedError: Nothing can be reached there, or it sends us elsewhere.
        """
        config = self._load(raw)
        stream = config.streams[0]
        here = position or first_position(stream.pagination)
        request = build_request(config, stream, stream.pagination, here, {"sync": {"start": start, "end": None}})
        if self.requests >= _MOST_REQUESTS:
            raise RefusedError(f"{_MOST_REQUESTS} requests did not tell enough")
        self.requests += 1
        tell(f"{request.show()}\n  {why}")
        response = self._persist(request, stream)
        tell(f"  {status_text(response.status)}, {len(response.body):,} bytes")
        return response, here

    def _persist(self, request: Request, stream: Stream) -> Response:
        """Send a request; once more where the server asks for time, or the connection fails."""
        signer = self._signers.of(stream.auth, _no_token)
        tries = 1

        def once() -> Response | Failure:
            used = signer.credentials()[0]
            response = self._transport.exchange(request, self._reach, stream.limits, used.sign)
            if response.status == UNAUTHORIZED and signer.renew(used, response):  # digest: the challenge is answered
                response = self._transport.exchange(request, self._reach, stream.limits, signer.credentials()[0].sign)
            if is_retried_status(response.status) and tries == 1:
                wait = parse_wait(response.headers, response.received_at)
                return Failure(status_text(response.status), response.status, wait)
            return response

        while True:
            outcome = attempt(once, request, request.show())
            if not isinstance(outcome, Failure):
                return outcome
            jitter = random.random()  # noqa: S311 - spreads clients, guards nothing
            seconds = wait_seconds(outcome, tries, stream.limits, jitter, answered=self.requests > 1)
            if seconds is None:
                fix = "check the address and the network." if outcome.unreachable else "try again later."
                raise RefusedError(f"{outcome.what}, after {tries} tries", where=request.show(), fix=fix)
            tell(f"  {outcome.what}; once more in {seconds:.0f} s")
            self._world.sleep(seconds)
            tries += 1


def _no_token(request: Request, read: Callable[[Response], T]) -> T:  # noqa: ARG001 - the protocol's
    raise AssertionError(request.url)  # --auth has no form that asks for tokens
