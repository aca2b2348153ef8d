"""HTTP client for the Recordings API, its list and single ones, and for the lists of Usage Records and of accounts.

One session per account, HTTP Basic (documented for both vendors). Requests only go to the host of the account's base
URL: redirects are not followed, and a `next_page_uri` on another host is an error, so the credentials are sent to no
other host.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from types import MappingProxyType

import requests
from urllib3.exceptions import HTTPError

from flows.stores.api.access import AccountAccess
from flows.stores.api.addresses import PAGE_SIZE, Addresses
from flows.stores.api.bodies import (
    NO_WHOLE_PAGE,
    first_bytes,
    headers_to_show,
    oversized,
    too_slow,
    whole_body,
)
from flows.stores.api.deadline import Deadline
from flows.stores.api.pager import Pager
from flows.stores.api.responses import RECORDINGS, Answered, ApiList, TransientError, error_of
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.session import new_session
from flows.stores.api.throttle import Throttle
from flows.stores.api.unreachable import unreachable
from transforms.errors import ApiError, DataError, NotJsonError, OversizedError, RequestRefusedError
from transforms.ingest.dialect import Dialect
from transforms.ingest.endless import ListLength
from transforms.ingest.request import ListLimits
from transforms.pages.accounts import read_account_envelope, without_auth_tokens
from transforms.pages.recordings import created_instants
from transforms.pages.records import Envelope, read_records
from transforms.pages.usage import read_usage_envelope
from transforms.settings.credentials import contains_secret, secret_forms
from transforms.values.windows import Window

logger = logging.getLogger(__name__)

USAGE = ApiList("Usage Records", "to be allowed to read usage", read_usage_envelope)
"""Twilio's own figures of what it charges."""

ACCOUNTS = ApiList(
    "accounts",
    "the Management scope, or to be the main account's auth token",
    read_account_envelope,
    without_auth_tokens,
)
"""The account of the credentials and its subaccounts. SignalWire documents the scope, Twilio the auth token."""

_LONG_WAIT_SECONDS = 30


class RecordingsApi:
    """The recordings of one account, over one connection. Use it in one thread at a time.

    requests, retries: how many requests were sent in all, and how many of them were retries. answered: headers and
    times of the latest response, whatever its status; None before the first.

    Args:
        access: How to reach the account.
        retry_policy: How long to wait for the API, and how often to retry.
        throttle: Shared by all clients of the same account.
        limits: How long a list may be before it counts as endless.
    """

    def __init__(
        self,
        access: AccountAccess,
        retry_policy: RetryPolicy = RetryPolicy(),
        throttle: Throttle | None = None,
        limits: ListLimits = ListLimits(),
    ) -> None:
        self.access = access
        self.requests = 0
        self.retries = 0
        self.answered: Answered | None = None
        self._retry_policy = retry_policy
        self._throttle = throttle or Throttle()
        self._limits = limits
        self._deadline = Deadline()
        self._session = new_session(access, self._deadline)
        self._secrets = secret_forms(access.user, access.token)
        self._addresses = Addresses(access)

    def pager(
        self, parameters: Mapping[str, str], page_size: int = PAGE_SIZE, window: Window | None = None
    ) -> Pager:
        """Create a pager over the recordings that the parameters select, newest first. window: the days asked for.

        Twilio is asked for deleted recordings too. They are on the same pages, so this takes no request of its own.
        """
        return Pager(self._addresses.recordings(parameters, page_size), ListLength(self._limits, window))

    @property
    def lists_deleted(self) -> bool:
        """Whether the list has deleted recordings too, for as long as the API keeps them."""
        return self._addresses.lists_deleted

    def recording_url(self, sid: str) -> str:
        """Return the address of a single recording. Twilio is asked for it even if it was deleted."""
        return self._addresses.recording(sid)

    def usage_pager(self, window: Window) -> Pager:
        """Create a pager over the Usage Records of these days (UTC). Only Twilio has this list."""
        return Pager(self._addresses.usage(window))

    def accounts_pager(self) -> Pager:
        """Create a pager over the account of the credentials and its subaccounts."""
        return Pager(self._addresses.accounts)

    def fetch(self, url: str, listed: ApiList = RECORDINGS) -> tuple[bytes, Envelope]:
        """Fetch one page, with retries for transient errors.

        Returns:
            The exact bytes of the page, but for secrets that the list has on purpose, and how it continues. A single
            recording is a page without a next one.

        Raises:
            ApiError: The API refuses the request or keeps failing.
            DataError: The response is not a page of the list.
        """
        attempt = 1
        while True:
            try:
                return self._request(url, listed)
            except TransientError as transient:
                if attempt >= min(self._retry_policy.attempts, transient.most_attempts or attempt + 1):
                    words = transient.words.replace("{attempts}", str(attempt))
                    raise ApiError(f"Account {self.access.name}: {words}", retryable=True) from None
                logger.info("%s: %s, attempt %d", self.access.name, transient, attempt)
                self.retries += 1
                if transient.hold_seconds is None:
                    self._throttle.pause(self._retry_policy.pause(attempt))
                attempt += 1

    def exists_before(self, day: date, dialect: Dialect = Dialect()) -> bool:
        """Check whether the account has a recording created before the day (UTC); one request for one row.

        Raises:
            ApiError: The response shows that the API does not filter by creation date.
        """
        midnight = datetime.combine(day, time(), UTC)
        rows, newest = self._first_listed(dialect.between(None, midnight))
        if newest is not None and newest.date() > day + timedelta(days=1):
            raise ApiError(
                f"Account {self.access.name}: asked for recordings before {day}, the API listed one of "
                f"{newest.date()}, so the first day cannot be found. Pass the first of its month with --from."
            )
        return rows > 0

    def newest(self, parameters: Mapping[str, str] = MappingProxyType({})) -> datetime | None:
        """Fetch the creation instant (UTC) of the newest recording that the parameters select; one request for one row.

        Returns None if there is no recording with a valid creation date.
        """
        return self._first_listed(parameters)[1]

    def _first_listed(self, parameters: Mapping[str, str]) -> tuple[int, datetime | None]:
        """Return the rows of the first page that is not empty, and the newest valid creation instant (UTC) on it."""
        for attempt in range(self._retry_policy.attempts):
            pager = self.pager(parameters, page_size=1)
            first_url = pager.url
            try:
                while pager.url is not None:
                    body, envelope = self.fetch(pager.url)
                    pager.follow(len(body), envelope)
                    if envelope.rows:
                        return envelope.rows, max(created_instants(read_records(body).records), default=None)
            except RequestRefusedError:  # a cursor that expired in the meantime
                if pager.url == first_url or attempt + 1 == self._retry_policy.attempts:
                    raise
            else:
                break
        return 0, None

    def _request(self, url: str, listed: ApiList) -> tuple[bytes, Envelope]:
        with self._throttle.turn() as turn, self._deadline.within(self._retry_policy.page_timeout):
            self.requests += 1
            sent_at = datetime.now(UTC)
            with self._response(url) as response:
                self.answered = Answered(headers_to_show(response, self._secrets), sent_at, datetime.now(UTC))
                if response.status_code != HTTPStatus.OK:
                    # Within the turn, so that no other worker starts a request in between.
                    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                        self._throttle.refused(turn)
                    said = first_bytes(response)
                    error = error_of(response, said, self.access, listed, self._retry_policy, self._secrets)
                    if isinstance(error, TransientError) and error.hold_seconds is not None:
                        self._hold(error.hold_seconds)
                    raise error
                body = listed.without_secrets(whole_body(response, self._deadline, self.access))
        self._throttle.answered()
        if contains_secret(body, self._secrets):
            raise ApiError(
                f"Account {self.access.name}: the response contains the API token, so it was discarded. Check the base "
                "URL and any proxy, then rotate the token."
            )
        try:
            return body, listed.read(body)
        except NotJsonError:
            raise TransientError("response is not JSON", NO_WHOLE_PAGE) from None
        except OversizedError as error:
            raise oversized(error, self.access, body) from None
        except DataError as error:
            raise DataError(
                f"Account {self.access.name}: the API returned something other than {listed.words}: {error}. "
                "Check the base URL and the provider."
            ) from None

    def _hold(self, seconds: float) -> None:
        """Wait because the API asks for it, and say how long if somebody could wonder."""
        if self._throttle.hold(seconds) >= _LONG_WAIT_SECONDS:
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            logger.warning(
                "%s: the API asks to wait (Retry-After). The next request is sent at %s UTC.",
                self.access.name,
                f"{until:%H:%M:%S}",
            )

    def _response(self, url: str) -> requests.Response:
        try:
            return self._session.get(
                url,
                timeout=(self._retry_policy.connect_timeout, self._retry_policy.read_timeout),
                allow_redirects=False,
                stream=True,
            )
        except (requests.exceptions.RequestException, HTTPError) as error:
            if self._deadline.is_over:
                raise too_slow() from None
            raise unreachable(error, self.access, is_known=self._throttle.has_answered) from None
