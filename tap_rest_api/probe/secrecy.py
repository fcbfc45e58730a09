"""Turns a header's or parameter's name into whether it carries a secret, which may be named but never written down."""

from __future__ import annotations

import re

from tap_rest_api.errors import ConfigError
from tap_rest_api.template import REFERENCE

_ALWAYS = frozenset(
    "authorization auth cookie password passwd pwd secret signature sig credential credentials jwt session "
    "sessionid apikey appkey accesskey authtoken".split()
)
_OF_PAGES = frozenset("next page continuation cursor sync scroll start".split())  # their tokens are no secrets
_OF_ACCESS = frozenset("api access auth app subscription private client x secret".split())
_SHORT_FOR_A_KEY = frozenset({("key",), ("appid",)})
_KEY_CHARACTERS = 20
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def looks_secret(name: str, value: str = "") -> bool:
    """Tell a name such as X-Api-Key, access_token or Cookie; a bare `key` by the length of its value."""
    words = tuple(word for word in re.split(r"[^a-z0-9]+", _CAMEL.sub("_", name).lower()) if word)
    if words in _SHORT_FOR_A_KEY:
        return len(value) >= _KEY_CHARACTERS or bool(REFERENCE.search(value))
    found = set(words)
    if found & _ALWAYS or ("token" in found and not found & _OF_PAGES):
        return True
    return "key" in found and bool(found & _OF_ACCESS)


def check_is_named(value: str, what: str, where: str, example: str) -> None:
    """Hold a secret's value against the rule that only the name of a variable is ever written to a file.

    Raises:
        ConfigError: It stands there in clear.
    """
    if value and not any(match["group"] == "env" for match in REFERENCE.finditer(value)):
        fix = f"put it into an environment variable and name that, in single quotes: '{example}'."
        raise ConfigError(f"{what} looks like a secret, and would land in the configuration", where=where, fix=fix)
