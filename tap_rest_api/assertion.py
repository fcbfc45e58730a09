"""Turns claims and a private key into the signed assertion of a JWT bearer grant (RFC 7523, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from tap_rest_api.auth_options import Auth

_LIFE_SECONDS = 300
_FIX = '"private_key" is the text of a PEM file, as in "${env.PRIVATE_KEY}": RSA, EC (P-256, P-384, P-521) or Ed25519.'


def sign_assertion(auth: Auth, now: datetime) -> str:
    """Sign the claims: the client as issuer, the token endpoint as audience, good for five minutes, and the user's own.

    Raises:
        ConfigError: The key is none, or not one that signs.
    """
    import jwt  # heavy: it brings cryptography, which only this grant needs

    issued_at = int(now.timestamp())
    usual = {"iss": auth.client_id, "aud": auth.token_url, "iat": issued_at, "exp": issued_at + _LIFE_SECONDS}
    claims = {name: value for name, value in {**usual, **auth.claims}.items() if value not in ("", None)}
    try:
        key = _load_key(auth.private_key)
        return jwt.encode(claims, key, algorithm=_algorithm(key), headers={"kid": auth.kid} if auth.kid else None)
    except (ValueError, TypeError, jwt.PyJWTError):  # their words may quote the key
        raise ConfigError("the private key cannot be used to sign", fix=_FIX) from None


def _load_key(text: str) -> Any:
    """Read a PEM text. In an environment variable its line breaks may have become backslash and n."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # heavy, as above

    return load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)


def _algorithm(key: Any) -> str:
    """Name the algorithm (RFC 7518, 3.1; RFC 8037) that a key signs with."""
    kind = type(key).__name__.lower()
    if "rsa" in kind:
        return "RS256"
    if "ed25519" in kind:
        return "EdDSA"
    return {256: "ES256", 384: "ES384", 521: "ES512"}[key.curve.key_size]
