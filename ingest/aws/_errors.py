"""What a failed request to AWS means: whether waiting helps, and a sentence that holds no secret.

Only codes are passed on, never the text of an error: that may quote keys, tokens and signed addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from core import LocationUnreachable

Kind = Literal["transient", "permanent", "changed", "absent"]


@dataclass(frozen=True)
class Failure:
    """A request that failed: what to make of it, why in a word, and what a person can do. `code` is the server's."""

    kind: Kind
    reason: str
    fix: str = ""
    code: str = ""

    @property
    def is_denied(self) -> bool:
        """Whether a permission is missing."""
        return self.code in _DENIED and self.fix != _TRUST

    @property
    def is_expired(self) -> bool:
        """Whether fresh credentials may help."""
        return self.code in _EXPIRED


class AwsRefused(LocationUnreachable):
    """What AWS said instead of an answer; `code` is its own word, as OptInRequiredException, for whoever expects it."""

    def __init__(self, what: str, *, where: str, fix: str, transient: bool, code: str) -> None:
        super().__init__(what, where=where, fix=fix, transient=transient)
        self.code = code


def allow(action: str) -> str:
    """What to do where a permission is missing."""
    return f"allow {action}: `kifayat connect aws` prints the policy"


_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403",
    "UnauthorizedException", "NotAuthorized",
}  # fmt: skip
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_ALLOW = "allow s3:ListBucket and s3:GetObject on the bucket and prefix (and kms:Decrypt if it is encrypted)"
_RENEW = "renew the credentials of the profile (or of the environment) that this export uses"
#: A region that is not enabled for an account does not know its credentials.
_UNKNOWN = f"{_RENEW}; if one region alone says so, enable it for the account or take it out of regions"
_LOGIN = "log in again: aws sso login --profile, with the profile of this export or connection"
_TRUST = (
    "let the role trust the credentials of the connection (its trust policy, with the external_id of the connection if"
    " it asks for one), and allow them sts:AssumeRole"
)
_CORRECT = "correct the location in the configuration"
_REGION = "set region of this export to the region of the bucket"
_FIXES = {
    "AccessDenied": _ALLOW,
    "403": _ALLOW,
    "InvalidAccessKeyId": _RENEW,
    "SignatureDoesNotMatch": _RENEW,
    "ExpiredToken": _RENEW,
    "ExpiredTokenException": _RENEW,
    "InvalidToken": _RENEW,
    "InvalidClientTokenId": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "AuthFailure": _UNKNOWN,
    "OptInRequired": "sign the account up for the service, or take the region out of the connection",
    "TokenRefreshRequired": _RENEW,
    "NoSuchBucket": _CORRECT,
    "InvalidBucketName": _CORRECT,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "301": _REGION,
    "InvalidObjectState": "the file is archived: restore it, or move older months out of the prefix",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "NoCredentialsError": "name a profile in the connection (or the export), or set AWS's environment variables",
    "PartialCredentialsError": _RENEW,
    "CredentialRetrievalError": _RENEW,
    "TokenRetrievalError": _LOGIN,
    "UnauthorizedSSOTokenError": _LOGIN,
    "SSOTokenLoadError": _LOGIN,
    "SSOError": _LOGIN,
    "LoginRefreshRequired": "log in again: aws login --profile, with the profile of this export or connection",
    "ProfileNotFound": "correct profile of the connection (or the export), or make that profile with `aws configure`",
    "NoRegionError": "set region of this export",
    "ParamValidationError": _CORRECT,
    "InvalidEndpointError": "correct endpoint of this export: http(s)://host[:port]",
    "SSLError": "correct endpoint of this export, or the certificates of this machine",
}
_TRANSIENT_CODES = {
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "Throttled", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "EC2ThrottledException", "BandwidthLimitExceeded",
    "TooManyRequestsException", "LimitExceededException", "ProvisionedThroughputExceededException",
    "PriorRequestNotComplete", "InternalFailure", "InternalServerException", "InternalServerError",
    "InternalServiceError", "InternalServiceFault", "ServiceUnavailableException", "RequestTimeoutException",
    "RequestTimeout", "InternalError", "ServiceUnavailable", "Unavailable", "OperationAborted", "429", "408",
}  # fmt: skip
_SERVER_ERROR, _PRECONDITION_FAILED = 500, 412


def failures() -> tuple[type[Exception], ...]:
    """The exceptions by which a request fails. Imported late: a folder needs none of this."""
    import botocore.exceptions
    import botocore.parsers
    import urllib3.exceptions

    return (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
        botocore.parsers.ResponseParserError,
        urllib3.exceptions.HTTPError,
        ConnectionError,
        TimeoutError,
    )


def failure_of(error: Exception) -> Failure:
    """What one of `failures()` means."""
    import botocore.exceptions

    name = type(error).__name__
    if isinstance(error, botocore.exceptions.ClientError):
        found = _of_answer(error.response)
        if found.is_denied and error.operation_name == "AssumeRole":
            return replace(found, reason=f"{found.reason} on sts:AssumeRole", fix=_TRUST)
        return found
    if name in _FIXES:
        return Failure("permanent", name, _FIXES[name])
    lasting = (
        botocore.exceptions.ValidationError,
        botocore.exceptions.ConfigNotFound,
        botocore.exceptions.ConfigParseError,
        botocore.exceptions.InvalidConfigError,
        botocore.exceptions.UnknownCredentialError,
        botocore.exceptions.UnknownRegionError,
    )
    return Failure("permanent" if isinstance(error, lasting) else "transient", name)


def _of_answer(response: dict[str, dict[str, object]]) -> Failure:
    code = str(response.get("Error", {}).get("Code", ""))
    found = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    status = found if isinstance(found, int) else 0
    # A code comes from the other side: only a plain word is repeated to people.
    reason = code if code.isascii() and code.isalnum() and len(code) <= 60 else "an error"
    if status == _PRECONDITION_FAILED or code == "PreconditionFailed":
        return Failure("changed", reason, code=code)
    if code in ("NoSuchKey", "404"):
        return Failure("absent", reason, code=code)
    if status >= _SERVER_ERROR or code in _TRANSIENT_CODES:
        return Failure("transient", f"{reason} ({status})", code=code)
    fix = _FIXES.get(code, "look the code up in the documentation of AWS")
    return Failure("permanent", f"{reason} ({status})", fix, code)
