"""Turns the option "auth" into an Auth: how a request says who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_rest_api.template import literal

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def to_auth(raw: Mapping[str, str]) -> Auth:
    """Read options that the configuration's rules have accepted."""
    renamed = {"place" if key == "in" else key: literal(value) for key, value in raw.items()}
    return Auth(**renamed)
