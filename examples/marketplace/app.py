"""Turns requests for data into answers and remembers both: the whole API except its sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, TypedDict

from examples.marketplace import routes
from examples.marketplace.auth import carries_key
from examples.marketplace.faults import Fault, FaultPlan, altered
from examples.marketplace.message import RefusedError, Request, Response, error_response
from examples.marketplace.served import ServedLog
from examples.marketplace.state import save_day

if TYPE_CHECKING:
    from pathlib import Path

    from examples.marketplace.world import World

OPEN_PATHS = frozenset({"/v1/health", "/openapi.json"})


class SeenRequest(TypedDict):
    """One request for data. `status` is 0 if no status line was sent."""

    method: str
    path: str
    query: dict[str, str]
    status: int


@dataclass
class App:
    """The API over one world. Safe to use from several threads.

    Attributes:
        walks_advance: Whether the next day begins when a walk through the reviews has ended.
        state: The file that keeps the day, if any.
    """

    world: World
    key: str
    walks_advance: bool = True
    state: Path | None = None
    log: ServedLog = field(default_factory=ServedLog)
    plan: FaultPlan = field(default_factory=FaultPlan)
    _requests: list[SeenRequest] = field(default_factory=list)
    _advancing: Lock = field(default_factory=Lock)

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """Return the answer to a request for data, and the fault that hits it."""
        counts = request.path not in OPEN_PATHS
        armed = self.plan.count(request.path) if counts else None
        response = self._correct_answer(request)
        if armed is not None:
            response = altered(armed, request, response)
        fault = armed.fault if armed else None
        status = 0 if fault and fault.kind == "reset_before" else response.status
        self._requests.append(
            SeenRequest(method=request.method, path=request.path, query=dict(request.query), status=status)
        )
        return response, fault

    def _correct_answer(self, request: Request) -> Response:
        try:
            self._admit(request)
            return routes.answer(self.world, request)
        except RefusedError as refused:
            return error_response(refused.status, refused.code, str(refused))

    def _admit(self, request: Request) -> None:
        """Raise RefusedError for a request without the key, or for one that would write."""
        if request.path not in OPEN_PATHS and not carries_key(request, self.key):
            raise RefusedError(401, "unauthorized", "Send the API key as the header X-API-Key")
        if request.method != "GET":
            raise RefusedError(405, "method_not_allowed", f"{request.path} can only be read")

    def served(self, response: Response) -> None:
        """Log the records of an answer as its last byte leaves, and let the next day begin after a walk."""
        if response.stream and response.status == HTTPStatus.OK:
            self.log.add(response.stream, response.texts)
        if response.ends_walk and self.walks_advance:
            self.advance()

    def advance(self) -> int:
        """Begin the next day, save it, and return its number."""
        with self._advancing:
            day = self.world.advance()
            if self.state is not None:
                save_day(self.state, day)
            return day

    def requests(self) -> list[SeenRequest]:
        """Return every request for data so far."""
        return list(self._requests)
