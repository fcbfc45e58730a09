"""Turns an Auth into the Signer that puts its credentials on requests."""

from __future__ import annotations

import threading
from base64 import b64encode
from typing import TYPE_CHECKING

from tap_rest_api.credential import Fixed, sign_with, sign_with_nothing
from tap_rest_api.digest import Digest
from tap_rest_api.errors import ConfigError
from tap_rest_api.login import Login
from tap_rest_api.oauth2 import OAuth2
from tap_rest_api.sigv4 import sign_with_aws
from tap_rest_api.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tap_rest_api.auth_options import Auth
    from tap_rest_api.credential import Ask, Sign, Signer


class Signers:
    """Makes each Signer once, for all streams and threads whose option "auth" is the same.

    Args:
        base_url: What a login's path is below.
        clock: Seconds that only grow.
        now: The time in UTC.
        conceal: Is told every secret that is found out on the way, before anything can be written of it.
    """

    def __init__(
        self,
        base_url: str,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        conceal: Callable[[Iterable[str]], None],
    ) -> None:
        self.base_url = base_url
        self.clock, self.now, self.conceal = clock, now, conceal
        self._lock = threading.Lock()
        self._signers: dict[Auth, Signer] = {}

    def of(self, auth: Auth, ask: Ask) -> Signer:
        """Return an option's Signer.

        Args:
            auth: The option.
            ask: Sends the requests for its tokens, if it is the first to need them.

        Raises:
            ConfigError: It cannot be used.
            CredentialsError: There are no credentials.
        """
        with self._lock:
            if auth not in self._signers:
                _check_tokens(auth)
                self._check_file(auth)
                self.conceal(auth.secrets())  # a partition's are not known before
                self._signers[auth] = _KINDS[auth.type](auth, ask, self)
            return self._signers[auth]

    def _check_file(self, auth: Auth) -> None:
        """Two chains of refresh tokens in one file would overwrite each other's only good one."""
        if auth.persist and any(auth.persist == other.persist for other in self._signers):
            fix = 'give each its own file, as in "persist": ".secrets/${partition.account}.json".'
            raise ConfigError(f'two different "auth" keep their refresh token in {auth.persist}', fix=fix)


def _check_tokens(auth: Auth) -> None:
    """A template may have left nothing of a token that the configuration's rules have seen."""
    if auth.type in ("bearer", "api_key") and not all(auth.tokens or [""]):
        raise ConfigError(f'auth "{auth.type}" has no token here', fix="the partition that it is for has to give one.")


def _basic(auth: Auth, _: Ask, __: Signers) -> Signer:
    pair = f"{auth.username}:{auth.password}".encode()  # UTF-8, as RFC 7617 lets a server announce
    return Fixed([sign_with("header", "Authorization", f"Basic {b64encode(pair).decode()}")])


def _bearer(auth: Auth, _: Ask, __: Signers) -> Signer:
    return Fixed([sign_with("header", "Authorization", f"Bearer {token}") for token in auth.tokens])


def _api_key(auth: Auth, _: Ask, __: Signers) -> Signer:
    return Fixed([sign_with(auth.place, auth.name, f"{auth.prefix}{token}") for token in auth.tokens])


def _digest(auth: Auth, _: Ask, __: Signers) -> Signer:
    return Digest(auth.username, auth.password)


def _oauth2(auth: Auth, ask: Ask, world: Signers) -> Signer:
    obtain = OAuth2(auth, ask, world.now, world.conceal).obtain
    return Tokens(obtain, lambda token: _sign_with_token(auth, token), world.clock)


def _login(auth: Auth, ask: Ask, world: Signers) -> Signer:
    obtain = Login(auth, world.base_url, ask, world.conceal).obtain
    return Tokens(obtain, lambda token: _sign_with_token(auth, token), world.clock)


def _sign_with_token(auth: Auth, token: str) -> Sign:
    return sign_with(auth.place, auth.name, f"{auth.prefix}{token}")


_KINDS: dict[str, Callable[[Auth, Ask, Signers], Signer]] = {
    "none": lambda _, __, ___: Fixed([sign_with_nothing]),
    "basic": _basic,
    "digest": _digest,
    "bearer": _bearer,
    "api_key": _api_key,
    "oauth2": _oauth2,
    "login": _login,
    "aws_sigv4": lambda auth, _, world: Fixed([sign_with_aws(auth, world.conceal)]),
}
