"""How to interpret responses of the API: which list one must contain, and which error a failure becomes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import requests

from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import TRANSIENT_STATUSES, RetryPolicy
from transforms.errors import ApiError, RequestRefusedError
from transforms.pages.records import Envelope, read_envelope, read_single
from transforms.pages.refusals import read_refusal, why_refused


@dataclass(frozen=True, slots=True)
class ApiList:
    """A list of the API.

    words: what it lists, for messages. scope: what the token needs, for messages. read: parses a page's envelope.
    without_secrets: removes the secrets that the API lists on purpose, before anything else is done with a page.
    may_be_gone: it is a single thing, so that 404 says nothing about the account.
    """

    words: str
    scope: str
    read: Callable[[bytes], Envelope]
    without_secrets: Callable[[bytes], bytes] = bytes
    may_be_gone: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """Headers of a response, when its request was sent, and when they arrived (UTC, by the local clock)."""

    headers: Mapping[str, str]
    asked_at: datetime
    answered_at: datetime


_REGIONS = {"twilio": " A region has a host of its own, such as https://api.dublin.ie1.twilio.com."}

RECORDINGS = ApiList("recordings", "the scope to read voice recordings", read_envelope)

SINGLE = ApiList("a recording", RECORDINGS.scope, read_single, may_be_gone=True)
"""One recording, asked for by itself."""


class TransientError(Exception):
    """An error that a retry may resolve.

    words: the error message if it does not, with {attempts} for their number. hold_seconds: how long to wait because
    the API asks for it; None if it does not. most_attempts: how often to try at most, whatever the retry policy allows.
    """

    def __init__(
        self, reason: str, words: str, *, hold_seconds: float | None = None, most_attempts: int | None = None
    ) -> None:
        super().__init__(reason)
        self.words = words
        self.hold_seconds = hold_seconds
        self.most_attempts = most_attempts


def error_of(
    response: requests.Response,
    body: bytes,
    access: AccountAccess,
    listed: ApiList,
    retry_policy: RetryPolicy,
    secrets: Collection[bytes],
) -> Exception:
    """Turn a response other than 200 into a TransientError, or an ApiError that says why and what to do.

    body: its first bytes. secrets: what a message of the API must not contain to be shown.
    """
    account, status = f"Account {access.name}", response.status_code
    if status in (401, 403):
        refusal = read_refusal(body, secrets)
        why = why_refused(status, refusal, access.provider, access.token_hint, listed.scope)
        return ApiError(f"{account}: {why}{refusal.said}")
    if status == HTTPStatus.NOT_FOUND and not listed.may_be_gone:
        return ApiError(
            f"{account}: the API has no list of {listed.words} for account {access.account_sid} (404). "
            f"Check the account sid, the base URL and the provider.{_REGIONS.get(access.provider, '')}"
        )
    if response.is_redirect:
        return ApiError(
            f"{account}: the API redirects ({status}). Redirects are not followed, so that the credentials go nowhere "
            "else. Check the base URL."
        )
    if status in TRANSIENT_STATUSES:
        return _transient(status, retry_policy.retry_after(response.headers.get("Retry-After")), retry_policy)
    if status not in range(400, 500):
        return ApiError(
            f"{account}: the API returned an unexpected status ({status}). Check the base URL and the provider."
        )
    return RequestRefusedError(
        f"{account}: the API refuses the request ({status}).{read_refusal(body, secrets).said}"
    )


def _transient(status: int, asked_seconds: float | None, retry_policy: RetryPolicy) -> TransientError:
    again = "later"
    if asked_seconds and asked_seconds > retry_policy.longest_retry_after:
        again = f"after {_clock_time(asked_seconds)}, as the API asks"
    return TransientError(
        f"status {status}",
        f"the API still returns {status} after {{attempts}} attempts. Run again {again}; what has landed is kept.",
        hold_seconds=min(asked_seconds, retry_policy.longest_retry_after) if asked_seconds else None,
    )


def _clock_time(seconds: float) -> str:
    """Return the time (UTC) this many seconds from now, with the day if it is another one."""
    now = datetime.now(UTC)
    then = now + timedelta(seconds=seconds)
    return f"{then:%H:%M:%S} UTC" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M} UTC"
