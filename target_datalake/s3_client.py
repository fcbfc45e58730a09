"""The target's S3 options become a boto3 client, whose credentials come from boto3's own chain or from a role."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials

if TYPE_CHECKING:
    from target_datalake.s3_options import S3Options

CONNECT_SECONDS = 10
READ_SECONDS = 60

_CONNECTIONS = 16
_ROLE_SESSION = "rest-datalake"


class AssumedRole(CredentialProvider):  # type: ignore[misc] # botocore has no types
    """Credentials that STS gives for a role, asked for at the first request and again before they expire."""

    METHOD = CANONICAL_NAME = "rest-datalake-role"

    def __init__(self, sts: Any, options: S3Options) -> None:
        super().__init__()
        self._sts = sts
        self._arguments = {"RoleArn": options.role_arn, "RoleSessionName": _ROLE_SESSION}
        if options.external_id:
            self._arguments["ExternalId"] = options.external_id

    def load(self) -> DeferredRefreshableCredentials:
        """Return credentials that refresh themselves."""
        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)

    def _assume(self) -> dict[str, str]:
        given = self._sts.assume_role(**self._arguments)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }


def connect(options: S3Options) -> Any:
    """Return an S3 client. Nothing is sent yet.

    Raises:
        BotoCoreError: The profile is not there, or no region is known for a role.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": options.max_attempts},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=_CONNECTIONS,
        user_agent_extra=_ROLE_SESSION,
        # Content-MD5, which every store checks, guards what we send. boto3's own checksums are unknown to some stores,
        # and S3 refuses to complete an upload whose parts had one unless each is repeated then.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = _session(options)
    if options.role_arn:
        role = AssumedRole(session.client("sts", config=config), options)
        session = _session(options, role)
    return session.client("s3", endpoint_url=options.endpoint_url, config=config)


def _session(options: S3Options, role: AssumedRole | None = None) -> boto3.Session:
    core = botocore.session.Session(profile=options.profile)
    core.register_component("data_loader", _loader())
    if role:
        core.get_component("credential_provider").providers.insert(0, role)
    return boto3.Session(botocore_session=core, region_name=options.region)


@cache
def _loader() -> Any:
    """Return the descriptions of AWS's services; reading them takes a quarter of a second, so it is done once."""
    return botocore.loaders.create_loader()
