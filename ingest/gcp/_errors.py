"""What a failed request to Google Cloud means: whether waiting helps, and a sentence that holds no secret.

Only names of errors and reasons that we know are passed on, never the text of an answer: that may quote tokens,
addresses and people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from core import LocationUnreachable

_LATER: Final = "nothing was loaded; it is asked again later"
_RENEW: Final = (
    "renew the credentials: run `gcloud auth application-default login`, or replace the key of credentials_file"
)
_QUOTA: Final = (
    "lower requests_per_second of the connection, or raise the quota of {api} for the project that is billed"
)
#: The service behind the first word of a permission or method.
_APIS: Final = {
    "billing": "cloudbilling.googleapis.com", "cloudbilling": "cloudbilling.googleapis.com",
    "cloudasset": "cloudasset.googleapis.com", "monitoring": "monitoring.googleapis.com",
    "recommender": "recommender.googleapis.com", "bigquery": "bigquery.googleapis.com",
    "storage": "storage.googleapis.com",
}  # fmt: skip
#: `reason` of ErrorInfo (google.rpc.error_details, google/api/error_reason.proto) -> what can be done.
_REASONS: Final = {
    "SERVICE_DISABLED": "enable the API: gcloud services enable {api}",
    "BILLING_DISABLED": "link the project to a billing account, or name another quota_project",
    "CONSUMER_INVALID": "correct quota_project of the connection",
    "USER_PROJECT_DENIED": "grant serviceusage.services.use on quota_project of the connection",
    "ACCESS_TOKEN_EXPIRED": _RENEW,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "give the machine the scope cloud-platform; IAM says what it may do",
    "ACCOUNT_STATE_INVALID": "the service account is disabled or deleted: enable it, or use another",
    "CREDENTIALS_MISSING": _RENEW,
    "SERVICE_NOT_AVAILABLE": "the API is not offered to this project",
    "SECURITY_POLICY_VIOLATED": "let this machine through the VPC Service Controls of the project",
    "VPC_SERVICE_CONTROLS": "let this machine through the VPC Service Controls of the project",
    "RATE_LIMIT_EXCEEDED": _QUOTA,
    "RESOURCE_QUOTA_EXCEEDED": _QUOTA,
}

#: Reasons of a refusal (403) after which BigQuery and Cloud Storage ask to wait.
_WAIT: Final = {"rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "backendError", "internalError"}


@dataclass(frozen=True)
class Failure:
    """A request that failed: whether waiting helps, why in a word, what a person can do.

    `is_question`: it is put in a way that is not answered.
    """

    is_transient: bool
    reason: str
    fix: str
    is_question: bool = False


class QuestionRefused(LocationUnreachable):
    """Google Cloud has no answer to a question that is put like this (INVALID_ARGUMENT)."""


def failures() -> tuple[type[Exception], ...]:
    """The exceptions by which a request fails. Imported late: a folder needs none of this."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return GoogleAPICallError, GoogleAuthError, RequestException, HTTPError, ConnectionError, TimeoutError


def failure_of(error: Exception, method: str) -> Failure:
    """What one of `failures()` means. `method`: the permission that the request needs, or the API's method."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    name = type(error).__name__
    if isinstance(error, GoogleAuthError):
        return Failure(isinstance(error, TransportError), name, _LATER if isinstance(error, TransportError) else _RENEW)
    if not isinstance(error, exceptions.GoogleAPICallError):
        return Failure(True, name, _LATER)
    api = _APIS.get(method.partition(".")[0], "the API")
    code = getattr(error, "reason", None)
    told = f"{name} ({code})" if code in _REASONS else name
    is_transient = _passes(error) or any(isinstance(one, dict) and one.get("reason") in _WAIT for one in error.errors)
    if code in _REASONS:
        return Failure(is_transient, told, _REASONS[code].format(api=api))
    if isinstance(error, exceptions.Unauthorized):
        return Failure(False, told, _RENEW)
    if isinstance(error, exceptions.Forbidden) and not is_transient:
        return Failure(False, told, f"grant {method}: `kifayat connect gcp` prints the role")
    if isinstance(error, exceptions.NotFound):
        return Failure(False, told, "correct the name in the configuration, or grant access: what may not be seen is"
                       " told as not found")  # fmt: skip
    if isinstance(error, exceptions.TooManyRequests):
        return Failure(True, told, _QUOTA.format(api=api))
    return Failure(is_transient, told, _LATER, isinstance(error, exceptions.InvalidArgument))


def _passes(error: Any) -> bool:
    from google.api_core import exceptions as api

    passing = (api.ServerError, api.TooManyRequests, api.Aborted, api.Cancelled, api.RetryError)
    return isinstance(error, passing) and not isinstance(error, api.MethodNotImplemented)
