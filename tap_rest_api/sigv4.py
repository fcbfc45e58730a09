"""Turns AWS credentials into what signs a request, by botocore's own Signature Version 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from tap_rest_api.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from requests import PreparedRequest

    from tap_rest_api.auth_options import Auth
    from tap_rest_api.credential import Sign


def sign_with_aws(auth: Auth, conceal: Callable[[Iterable[str]], None]) -> Sign:
    """Return what signs for a service in a region.

    The credentials are those of the options, else those that boto finds: variables, profile, role. boto renews the
    latter itself, before they expire.

    Raises:
        CredentialsError: There are none.
    """
    from botocore.auth import S3SigV4Auth, SigV4Auth  # heavy: 0.2 s that only these APIs need
    from botocore.awsrequest import AWSRequest

    credentials = _find_credentials(auth)
    kind = S3SigV4Auth if auth.service == "s3" else SigV4Auth

    def sign(request: PreparedRequest) -> None:
        frozen = credentials.get_frozen_credentials()
        conceal([text for text in (frozen.access_key, frozen.secret_key, frozen.token) if text])
        request.url = _with_plain_spaces(request.url or "")
        content_type = request.headers.get("Content-Type")
        headers = {"Content-Type": content_type} if content_type else {}
        signed = AWSRequest(method=request.method, url=request.url, data=request.body or b"", headers=headers)
        kind(frozen, auth.service, auth.region).add_auth(signed)
        request.headers.update(signed.headers.items())

    return sign


def _find_credentials(auth: Auth) -> Any:
    from botocore.credentials import Credentials  # heavy, as above
    from botocore.session import Session

    if auth.access_key_id:
        return Credentials(auth.access_key_id, auth.secret_access_key, auth.session_token or None)
    found = Session().get_credentials()
    if found is None:
        fix = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or "access_key_id" in "auth".'
        raise CredentialsError("there are no AWS credentials to sign with", fix=fix)
    return found


def _with_plain_spaces(url: str) -> str:
    """Write a space in the query as %20: AWS signs a + as what it is."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=parts.query.replace("+", "%20")))
