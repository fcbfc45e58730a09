"""What S3 answers, or what boto3 could not do, becomes an error that says what to mend.

The store's own message is never shown: it may repeat what the request carried.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from target_datalake.errors import ConfigError, CredentialsError, NotFoundError, StorageError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator


class PreconditionError(StorageError):
    """The condition of a request did not hold: an object stands where none should."""


class TransientError(StorageError):
    """Another try may succeed: S3 was changing the same key, or its reply broke off."""


class RangeError(StorageError):
    """An object has no byte in the range that was asked for."""


class UnsupportedError(StorageError):
    """The store does not know what the request asks for."""


@dataclass(frozen=True)
class Meaning:
    """What an error code of S3 means to whoever runs the target."""

    kind: type[TargetError]
    says: str
    fix: str


_AGAIN = "run again; nothing committed is lost"
_CREDENTIALS = "check the credentials that boto3 finds: AWS_PROFILE, the AWS_* variables, s3.profile, a role"
_POLICY = "give this identity the policy in docs/s3.md, for this bucket and prefix"
_REGION = "set s3.region to the bucket's region, and s3.endpoint_url only for a store that is not AWS"
_NETWORK = "check the network, the region and s3.endpoint_url"
_KMS = "check s3.kms_key_id, and that the key's policy lets this identity use it"

_GONE = Meaning(NotFoundError, "there is no such object", "")
_TAKEN = Meaning(PreconditionError, "an object stands there already", _AGAIN)
_CONFLICT = Meaning(TransientError, "another request is changing the same object", _AGAIN)
_DENIED = Meaning(StorageError, "access is denied", _POLICY)
_EXPIRED = Meaning(CredentialsError, "the credentials have expired", f"renew them; {_AGAIN}")
_WRONG = Meaning(CredentialsError, "the credentials are wrong", _CREDENTIALS)
_ELSEWHERE = Meaning(StorageError, "the bucket is in another region", _REGION)
_KEY = Meaning(StorageError, "the KMS key cannot be used", _KMS)

MEANINGS = {
    **dict.fromkeys(("NoSuchKey", "NoSuchUpload", "NotFound", "404"), _GONE),
    **dict.fromkeys(("PreconditionFailed", "412"), _TAKEN),
    **dict.fromkeys(("ConditionalRequestConflict", "OperationAborted", "409"), _CONFLICT),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "Forbidden", "403"), _DENIED),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), _EXPIRED),
    **dict.fromkeys(
        "InvalidAccessKeyId SignatureDoesNotMatch InvalidToken InvalidClientTokenId InvalidSecurity "
        "UnrecognizedClientException NotSignedUp AccountProblem Unauthorized 401".split(),
        _WRONG,
    ),
    **dict.fromkeys(
        ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"), _ELSEWHERE
    ),
    "RequestTimeTooSkewed": Meaning(CredentialsError, "this machine's clock is wrong", "set the clock (NTP)"),
    **dict.fromkeys(("InvalidRange", "416"), Meaning(RangeError, "it has no such bytes", "")),
    **dict.fromkeys(("NotImplemented", "501"), Meaning(UnsupportedError, "the store does not know how", "")),
    "NoSuchBucket": Meaning(StorageError, "there is no such bucket", "create it, or mend the lake's path"),
    "InvalidBucketName": Meaning(ConfigError, "this cannot be a bucket's name", "mend the lake's path"),
    "InvalidStorageClass": Meaning(ConfigError, "the store has no such class", "mend s3.storage_class"),
    "InvalidTag": Meaning(ConfigError, "the store refuses a tag", "mend s3.tags"),
}

_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.MetadataRetrievalError,
    boto.SSOError,
    boto.RefreshWithMFAUnsupportedError,
    boto.InfiniteLoopConfigError,
)

_LACKED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


@contextmanager
def explained(action: str, where: str) -> Iterator[None]:
    """Turn what boto3 raises inside into our errors.

    Args:
        action: What is being done, for the message: "read".
        where: The object's address.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _from_reply(error, action, where) from error
    except boto.BotoCoreError as error:
        raise _from_boto(error, action, where) from error


@contextmanager
def explained_body(action: str, where: str) -> Iterator[None]:
    """Turn what breaks off a reply's body into TransientError: boto3 tries again only up to its headers."""
    try:
        yield
    except boto.BotoCoreError as error:
        raise TransientError(f"cannot {action}: {error}", where=where, fix=_NETWORK) from error


def _from_reply(error: boto.ClientError, action: str, where: str) -> TargetError:
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    if error.operation_name == "AssumeRole":
        fix = "check s3.role_arn and s3.external_id, and that the role trusts the credentials that boto3 finds"
        return CredentialsError(f"cannot assume the role: STS answers {code}", where=where, fix=fix)
    meaning = _meaning(code, message)
    if meaning is None:
        return StorageError(f"cannot {action}: S3 answers {code}", where=where, fix=_AGAIN)
    lacked = _LACKED.search(message)
    says = f"{meaning.says}, {lacked[1]} is not allowed" if lacked else meaning.says
    shown = f" ({code})" if code and not code.isdigit() else ""
    return meaning.kind(f"cannot {action}: {says}{shown}", where=where, fix=meaning.fix)


def _meaning(code: str, message: str) -> Meaning | None:
    if code.startswith("KMS.") or (code == "AccessDenied" and "kms:" in message):
        return _KEY
    return MEANINGS.get(code)


def _from_boto(error: boto.BotoCoreError, action: str, where: str) -> TargetError:
    if isinstance(error, _NO_CREDENTIALS):
        return CredentialsError(f"no usable S3 credentials: {_without_output(error)}", where=where, fix=_CREDENTIALS)
    if isinstance(error, boto.NoRegionError):
        return ConfigError("no region is known", where=where, fix="set s3.region, or AWS_REGION")
    if isinstance(error, boto.ParamValidationError):
        return ConfigError(f"cannot {action}: this cannot be a bucket's name", where=where, fix="mend the lake's path")
    return StorageError(f"cannot {action}: {error}", where=where, fix=_NETWORK)


def _without_output(error: boto.BotoCoreError) -> str:
    """Return an error's text without what a credential program printed, which may be a secret."""
    if isinstance(error, boto.CredentialRetrievalError):
        return f"{error.kwargs.get('provider', 'the provider')} gave none"
    return str(error)
