"""Turns the limits of a whole run, so many requests and so much time, into its early end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RUN_LIMITS = ("concurrency", "budget", "max_run")


class SpentError(Exception):
    """The run has used up what it may: it ends at its last safe bookmark. That is no failure."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When a run ends, whatever is left to read.

    Attributes:
        budget: How many requests it may make; None for as many as it takes.
        seconds: How long it may go on asking; None for as long as it takes.
    """

    budget: int | None = None
    seconds: float | None = None


def to_run_limits(raw: Mapping[str, Any]) -> RunLimits:
    """Read the option "limits" of the top level."""
    duration = parse_duration(raw["max_run"]) if "max_run" in raw else None
    return RunLimits(raw.get("budget"), duration.total_seconds() if duration is not None else None)


def without_run_limits(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the option "limits" that are about single requests."""
    return {key: value for key, value in raw.items() if key not in _RUN_LIMITS}


@dataclass(slots=True)
class Allowance:
    """What a run may still ask.

    Attributes:
        limits: When it ends.
        clock: Seconds that only grow.
        retries: Tells how many requests were repeated so far; they count as well.
        began: When the run began, on the clock.
        asked: Requests so far, without the repeated ones.
    """

    limits: RunLimits
    clock: Callable[[], float]
    retries: Callable[[], int]
    began: float = 0.0
    asked: int = 0

    def take(self) -> None:
        """Count one more request.

        Raises:
            SpentError: There is none left, or no time.
        """
        budget, seconds = self.limits.budget, self.limits.seconds
        if budget is not None and self.asked + self.retries() >= budget:
            raise SpentError(f"the budget of {budget} requests is spent")
        if seconds is not None and self.clock() - self.began >= seconds:
            raise SpentError(f"the run has taken the {seconds:g} seconds that max_run allows")
        self.asked += 1
