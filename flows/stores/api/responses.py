"""What an answer of the API means: which list it must be, and what a refusal comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import msgspec
import requests

from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import PASSING_FAULTS, RetryPolicy
from transforms.errors import ApiError, RequestRefusedError
from transforms.pages.records import Envelope, read_envelope


@dataclass(frozen=True, slots=True)
class ApiList:
    """A list of the API. words: what it lists, for messages; scope: what a token needs for it; read: its envelope."""

    words: str
    scope: str
    read: Callable[[bytes], Envelope]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came with an answer: its headers, when it was asked for, and when they were here (UTC, by our clock)."""

    headers: Mapping[str, str]
    asked_at: datetime
    answered_at: datetime


RECORDINGS = ApiList("recordings", "the scope to read voice recordings", read_envelope)


class PassingError(Exception):
    """What asking again may cure. words: what is told when it does not; hold_seconds: how long the API asks to wait."""

    def __init__(self, reason: str, words: str, *, hold_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.words = words
        self.hold_seconds = hold_seconds


def refusal(
    response: requests.Response, access: AccountAccess, listed: ApiList, retry_policy: RetryPolicy
) -> Exception:
    """What an answer other than 200 comes to: PassingError, or an ApiError that says what to do."""
    account, status = f"Account {access.name}", response.status_code
    if status in (401, 403):
        return ApiError(
            f"{account}: the API refuses the credentials ({status}). Check {access.token_hint} and the "
            f"account sid; the token needs {listed.scope}."
        )
    if status == HTTPStatus.NOT_FOUND:
        return ApiError(
            f"{account}: the API knows no {listed.words} of account {access.account_sid} (404). "
            "Check the account sid, the base URL and the provider."
        )
    if response.is_redirect:
        return ApiError(
            f"{account}: the API redirects ({status}), which is not followed, so that the credentials go nowhere "
            "else. Check the base URL."
        )
    if status in PASSING_FAULTS:
        return PassingError(
            f"answer {status}",
            f"the API still answers {status} after {{attempts}} attempts. "
            "Run again later; what has landed is kept.",
            hold_seconds=retry_policy.retry_after(response.headers.get("Retry-After")) or None,
        )
    if status not in range(400, 500):
        return ApiError(
            f"{account}: the API gives an unexpected answer ({status}). Check the base URL and the provider."
        )
    code = _error_code(response)
    return RequestRefusedError(
        f"{account}: the API refuses the request ({status}{f', code {code}' if code else ''})."
    )


def _error_code(response: requests.Response) -> int | None:
    """The vendor's own error number (documented: {"code": 20003, …}); nothing else of the body."""
    try:
        return msgspec.json.decode(response.content, type=_ErrorBody).code
    except (msgspec.DecodeError, UnicodeDecodeError, requests.exceptions.RequestException):
        return None


class _ErrorBody(msgspec.Struct):
    code: int
