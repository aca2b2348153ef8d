"""How to interpret responses of the API: which list one must contain, and which error a failure becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import msgspec
import requests

from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import TRANSIENT_STATUSES, RetryPolicy
from transforms.errors import ApiError, RequestRefusedError
from transforms.pages.records import Envelope, read_envelope


@dataclass(frozen=True, slots=True)
class ApiList:
    """A list of the API.

    words: what it lists, for messages. scope: what the token needs, for messages. read: parses a page's envelope.
    without_secrets: removes the secrets that the API lists on purpose, before anything else is done with a page.
    """

    words: str
    scope: str
    read: Callable[[bytes], Envelope]
    without_secrets: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """Headers of a response, when its request was sent, and when they arrived (UTC, by the local clock)."""

    headers: Mapping[str, str]
    asked_at: datetime
    answered_at: datetime


RECORDINGS = ApiList("recordings", "the scope to read voice recordings", read_envelope)


class TransientError(Exception):
    """An error that a retry may resolve.

    words: the error message if it does not. hold_seconds: how long the API asks to wait; None if it does not ask.
    """

    def __init__(self, reason: str, words: str, *, hold_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.words = words
        self.hold_seconds = hold_seconds


def error_of(
    response: requests.Response, access: AccountAccess, listed: ApiList, retry_policy: RetryPolicy
) -> Exception:
    """Turn a response other than 200 into a TransientError, or an ApiError that says what to do."""
    account, status = f"Account {access.name}", response.status_code
    if status in (401, 403):
        return ApiError(
            f"{account}: the API refuses the credentials ({status}). Check {access.token_hint} and the "
            f"account sid; the token needs {listed.scope}."
        )
    if status == HTTPStatus.NOT_FOUND:
        return ApiError(
            f"{account}: the API has no list of {listed.words} for account {access.account_sid} (404). "
            "Check the account sid, the base URL and the provider."
        )
    if response.is_redirect:
        return ApiError(
            f"{account}: the API redirects ({status}). Redirects are not followed, so that the credentials go nowhere "
            "else. Check the base URL."
        )
    if status in TRANSIENT_STATUSES:
        return TransientError(
            f"status {status}",
            f"the API still returns {status} after {{attempts}} attempts. "
            "Run again later; what has landed is kept.",
            hold_seconds=retry_policy.retry_after(response.headers.get("Retry-After")) or None,
        )
    if status not in range(400, 500):
        return ApiError(
            f"{account}: the API returned an unexpected status ({status}). Check the base URL and the provider."
        )
    code = _error_code(response)
    return RequestRefusedError(
        f"{account}: the API refuses the request ({status}{f', code {code}' if code else ''})."
    )


def _error_code(response: requests.Response) -> int | None:
    """Decode the vendor's error code (documented: {"code": 20003, …}), and nothing else of the body."""
    try:
        return msgspec.json.decode(response.content, type=_ErrorBody).code
    except (msgspec.DecodeError, UnicodeDecodeError, requests.exceptions.RequestException):
        return None


class _ErrorBody(msgspec.Struct):
    code: int
