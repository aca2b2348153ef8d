"""The Recordings list API, over HTTP, and the lists of Usage Records and of accounts beside it.

One session per account, HTTP Basic (documented for both vendors). Only the host of the account's base URL is ever
asked: redirects are not followed, and a `next_page_uri` that leads elsewhere is an error, so the credentials go
nowhere else.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from time import monotonic
from types import MappingProxyType
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError, LocationParseError

from flows.stores.api.access import AccountAccess
from flows.stores.api.pager import Pager
from flows.stores.api.responses import RECORDINGS, Answered, ApiList, PassingError, refusal
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.throttle import Throttle
from transforms.errors import ApiError, DataError, NotJsonError, RequestRefusedError
from transforms.ingest.dialect import Dialect
from transforms.ingest.usage import asked_of_usage
from transforms.pages.accounts import read_account_envelope
from transforms.pages.recordings import created_instants
from transforms.pages.records import Envelope, read_records
from transforms.pages.usage import read_usage_envelope
from transforms.settings.credentials import shown_forms
from transforms.values.windows import Window

logger = logging.getLogger(__name__)

PAGE_SIZE = 1000
"""The largest page both vendors allow (documented: 1 to 1000)."""

USAGE = ApiList("Usage Records", "to be allowed to read usage", read_usage_envelope)
"""Twilio's own count of what it charges for."""

ACCOUNTS = ApiList(
    "accounts", "the Management scope, or to be the main account's auth token", read_account_envelope
)
"""The account of the credentials and its subaccounts; SignalWire documents the scope, Twilio the token."""

_ROOTS = {"signalwire": "/api/laml/2010-04-01", "twilio": "/2010-04-01"}


_NO_WHOLE_PAGE = (
    "the API sent no whole page in {attempts} attempts. Run again later; what has landed is kept."
)
_PIECE_BYTES = 1 << 20


class RecordingsApi:
    """The recordings of one account, over one connection: for one thread at a time.

    Counts what it asks: `requests` in all, `retries` among them. `throttle`: shared by all that ask the same account.
    `answered`: what came with the latest answer, whatever it was; None before the first.
    """

    def __init__(
        self,
        access: AccountAccess,
        retry_policy: RetryPolicy = RetryPolicy(),
        throttle: Throttle | None = None,
    ) -> None:
        self.access = access
        self.requests = 0
        self.retries = 0
        self.answered: Answered | None = None
        self._retry_policy = retry_policy
        self._throttle = throttle or Throttle()
        self._session = _Session()
        # As bytes: requests would take text for Latin-1, and raise on what is not.
        self._session.auth = HTTPBasicAuth(access.user.encode(), access.token.encode())
        self._secrets = shown_forms(access.user, access.token)
        # Plain http is for this machine only, which no proxy has to do with.
        self._session.trust_env = not access.base_url.startswith("http:")
        self._session.headers.update({"Accept": "application/json", "User-Agent": "recspend"})
        root = _ROOTS[access.provider]
        self._accounts_url = f"{access.base_url.rstrip('/')}{root}/Accounts"
        self._account_url = f"{self._accounts_url}/{access.account_sid}"

    def pager(self, parameters: Mapping[str, str], page_size: int = PAGE_SIZE) -> Pager:
        """A pager over the recordings that the parameters select, newest first."""
        return Pager(
            f"{self._account_url}/Recordings.json?{urlencode({**parameters, 'PageSize': page_size})}"
        )

    def usage_pager(self, window: Window) -> Pager:
        """A pager over the Usage Records of these days: Twilio's only, SignalWire has no such list."""
        parameters = {**asked_of_usage(window), "PageSize": PAGE_SIZE}
        return Pager(f"{self._account_url}/Usage/Records/Daily.json?{urlencode(parameters)}")

    def accounts_pager(self) -> Pager:
        """A pager over the account of the credentials and its subaccounts."""
        return Pager(f"{self._accounts_url}.json?{urlencode({'PageSize': PAGE_SIZE})}")

    def fetch(self, url: str, listed: ApiList = RECORDINGS) -> tuple[bytes, Envelope]:
        """One page: its exact bytes, and how it continues. What may pass by itself is asked again.

        Raises ApiError when the API refuses or stays out of order, DataError when its answer is no page.
        """
        attempt = 1
        while True:
            try:
                return self._ask(url, listed)
            except PassingError as passing:
                if attempt == self._retry_policy.attempts:
                    words = passing.words.format(attempts=attempt)
                    raise ApiError(f"Account {self.access.name}: {words}", retryable=True) from None
                logger.info("%s: %s, attempt %d", self.access.name, passing, attempt)
                self.retries += 1
                if passing.hold_seconds is None:
                    self._throttle.pause(self._retry_policy.pause(attempt))
                attempt += 1

    def exists_before(self, day: date, dialect: Dialect = Dialect()) -> bool:
        """Whether the account has a recording created before the day (UTC); one request for one row.

        Raises ApiError when the answer shows that the API does not filter by creation date.
        """
        midnight = datetime.combine(day, time(), UTC)
        rows, newest = self._first_listed(dialect.between(None, midnight))
        if newest is not None and newest.date() > day + timedelta(days=1):
            raise ApiError(
                f"Account {self.access.name}: asked for recordings before {day}, the API lists one of "
                f"{newest.date()}, so the first day cannot be found. Give it with --from."
            )
        return rows > 0

    def newest(self, parameters: Mapping[str, str] = MappingProxyType({})) -> datetime | None:
        """The creation instant (UTC) of the newest recording that the parameters select; one request for one row.

        None without one whose date can be read.
        """
        return self._first_listed(parameters)[1]

    def _first_listed(self, parameters: Mapping[str, str]) -> tuple[int, datetime | None]:
        """Rows of the first page that is not empty, and the newest creation instant that can be read in it."""
        for attempt in range(self._retry_policy.attempts):
            pager = self.pager(parameters, page_size=1)
            first_url = pager.url
            try:
                while pager.url is not None:
                    body, envelope = self.fetch(pager.url)
                    pager.advance(envelope.next_page_uri)
                    if envelope.rows:
                        return envelope.rows, max(created_instants(read_records(body).records), default=None)
            except RequestRefusedError:  # a cursor that died meanwhile
                if pager.url == first_url or attempt + 1 == self._retry_policy.attempts:
                    raise
            else:
                break
        return 0, None

    def _ask(self, url: str, listed: ApiList) -> tuple[bytes, Envelope]:
        with self._throttle.turn() as turn:
            self.requests += 1
            asked_at = datetime.now(UTC)
            with self._response(url) as response:
                self.answered = Answered(response.headers, asked_at, datetime.now(UTC))
                if response.status_code != HTTPStatus.OK:
                    # While the turn lasts, so that no other lane slips in.
                    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                        self._throttle.refused(turn)
                    error = refusal(response, self.access, listed, self._retry_policy)
                    if isinstance(error, PassingError) and error.hold_seconds is not None:
                        self._throttle.hold(error.hold_seconds)
                    raise error
                body = self._body(response)
        self._throttle.answered()
        if any(secret in body for secret in self._secrets):
            raise ApiError(
                f"Account {self.access.name}: the API's answer repeats the token, so it is not kept. Check the base "
                "URL and what stands between, and renew the token."
            )
        try:
            return body, listed.read(body)
        except NotJsonError:
            raise PassingError("it is no JSON", _NO_WHOLE_PAGE) from None
        except DataError as error:
            raise DataError(
                f"Account {self.access.name}: the API answered something else than {listed.words}: {error}. "
                "Check the base URL and the provider."
            ) from None

    def _response(self, url: str) -> requests.Response:
        try:
            return self._session.get(
                url,
                timeout=(self._retry_policy.connect_timeout, self._retry_policy.read_timeout),
                allow_redirects=False,
                stream=True,
            )
        except (requests.exceptions.RequestException, HTTPError) as error:
            name = type(error).__name__
            words = (
                f"{self.access.base_url} cannot be reached ({name}). Check the base URL and the network, then run "
                "again; what has landed is kept."
            )
            if isinstance(error, requests.exceptions.InvalidURL | LocationParseError):
                raise ApiError(f"Account {self.access.name}: {words}") from None
            raise PassingError(name, words.replace("{", "{{").replace("}", "}}")) from None

    def _body(self, response: requests.Response) -> bytes:
        """The whole body, read piece by piece: one that trickles for ever would never run into the read timeout."""
        until = monotonic() + self._retry_policy.page_timeout
        pieces = []
        try:
            while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
                pieces.append(piece)
                if monotonic() > until:
                    raise PassingError("it trickles", _NO_WHOLE_PAGE)
        except (HTTPError, OSError) as error:
            raise PassingError(type(error).__name__, _NO_WHOLE_PAGE) from None
        return b"".join(pieces)


class _Session(requests.Session):
    """A session that sees no redirects: requests would read where each leads to, even when it must not go there."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None
