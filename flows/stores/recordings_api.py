"""The Recordings list API, over HTTP.

One session per account, HTTP Basic (documented for both vendors). Only the host of the account's base URL is ever
asked: redirects are not followed, and a `next_page_uri` that leads elsewhere is an error, so the credentials go
nowhere else.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlencode

import msgspec
import pyarrow as pa
import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from flows.stores.pager import Pager
from flows.stores.patience import PASSING_FAULTS, Patience, retry_of
from transforms.dates import instants
from transforms.errors import ApiError, DataError, NotJsonError, RequestRefusedError
from transforms.records import Envelope, read_envelope, read_records

logger = logging.getLogger(__name__)

PAGE_SIZE = 1000
"""The largest page both vendors allow (documented: 1 to 1000)."""

_ROOTS = {"signalwire": "/api/laml/2010-04-01", "twilio": "/2010-04-01"}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one account. `token_hint` names the variable or setting that holds the token."""

    name: str
    account_sid: str
    base_url: str
    user: str
    token: str
    provider: Literal["signalwire", "twilio"]
    token_hint: str

    def __repr__(self) -> str:
        return f"Access({self.name!r}, {self.account_sid!r}, {self.base_url!r})"


class RecordingsApi:
    """The recordings of one account. Counts what it asks: `requests` in all, `retries` among them."""

    def __init__(self, access: Access, patience: Patience = Patience()) -> None:
        self.access = access
        self.requests = 0
        self.retries = 0
        self._patience = patience
        self._session = _Session()
        # As bytes: requests would take text for Latin-1, and raise on what is not.
        self._session.auth = HTTPBasicAuth(access.user.encode(), access.token.encode())
        # Plain http is for this machine only, which no proxy has to do with.
        self._session.trust_env = not access.base_url.startswith("http:")
        self._session.headers.update({"Accept": "application/json", "User-Agent": "recspend"})
        adapter = HTTPAdapter(max_retries=retry_of(patience))
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        root = _ROOTS[access.provider]
        self._list_url = f"{access.base_url.rstrip('/')}{root}/Accounts/{access.account_sid}/Recordings.json"

    def pager(self, parameters: Mapping[str, str], page_size: int = PAGE_SIZE) -> Pager:
        """A pager over the recordings that the parameters select, newest first."""
        return Pager(f"{self._list_url}?{urlencode({**parameters, 'PageSize': page_size})}")

    def fetch(self, url: str) -> tuple[bytes, Envelope]:
        """One page: its exact bytes, and how it continues.

        A body that is cut off or is no JSON is asked again, like the faults that urllib3 repeats by itself.
        Raises ApiError when the API refuses or stays out of order, DataError when its answer is no page.
        """
        for attempt in range(self._patience.attempts):
            if attempt:
                self.retries += 1
                time.sleep(self._patience.pause(attempt))
            response = self._send(url)
            try:
                body = response.content
                return body, read_envelope(body)
            except (requests.exceptions.RequestException, NotJsonError) as error:
                logger.info(
                    "%s: broken page (%s), attempt %d", self.access.name, type(error).__name__, attempt + 1
                )
            except DataError as error:
                raise DataError(
                    f"Account {self.access.name}: the API answered something else than recordings: {error}. "
                    "Check the base URL and the provider."
                ) from None
        raise ApiError(
            f"Account {self.access.name}: the API sent no whole page in {self._patience.attempts} attempts. "
            "Run again later; what has landed is kept.",
            retryable=True,
        )

    def exists_before(self, day: date) -> bool:
        """Whether the account has a recording created before the day (UTC); one request for one row.

        Raises ApiError when the answer shows that the API does not filter by creation date.
        """
        rows, newest = self._first_listed({"DateCreated<": f"{day}T00:00:00Z"})
        if newest is not None and newest > day + timedelta(days=1):
            raise ApiError(
                f"Account {self.access.name}: asked for recordings before {day}, the API lists one of {newest}, "
                "so the first day cannot be found. Give it with --from."
            )
        return rows > 0

    def newest_day(self) -> date | None:
        """The day (UTC) of the newest recording, None without one whose date can be read; one request for one row."""
        return self._first_listed({})[1]

    def _first_listed(self, parameters: Mapping[str, str]) -> tuple[int, date | None]:
        """How many rows the first answer has, and the newest creation day that can be read in it."""
        body, envelope = self.fetch(self.pager(parameters, page_size=1).url or "")
        created = [record.date_created for record in read_records(body).records]
        found = [
            instant.date() for instant in instants(pa.array(created, pa.string())).to_pylist() if instant
        ]
        return envelope.rows, max(found, default=None)

    def _send(self, url: str) -> requests.Response:
        try:
            response = self._session.get(
                url,
                timeout=(self._patience.connect_timeout, self._patience.read_timeout),
                allow_redirects=False,
                stream=True,
            )
        except (requests.exceptions.RequestException, HTTPError) as error:
            self.requests += self._patience.attempts
            self.retries += self._patience.attempts - 1
            raise ApiError(
                f"Account {self.access.name}: {self.access.base_url} cannot be reached ({type(error).__name__}). "
                "Check the base URL and the network, then run again; what has landed is kept.",
                retryable=True,
            ) from None
        repeated = len(response.raw.retries.history) if response.raw.retries else 0
        self.requests += 1 + repeated
        self.retries += repeated
        if response.status_code != HTTPStatus.OK:
            with response:
                raise self._refusal(response)
        return response

    def _refusal(self, response: requests.Response) -> ApiError:
        account, status = f"Account {self.access.name}", response.status_code
        if status in (401, 403):
            return ApiError(
                f"{account}: the API refuses the credentials ({status}). Check {self.access.token_hint} and the "
                "account sid; the token needs the scope to read voice recordings."
            )
        if status == HTTPStatus.NOT_FOUND:
            return ApiError(
                f"{account}: the API knows no recordings of account {self.access.account_sid} (404). "
                "Check the account sid, the base URL and the provider."
            )
        if response.is_redirect:
            return ApiError(
                f"{account}: the API redirects ({status}), which is not followed, so that the credentials go nowhere "
                "else. Check the base URL."
            )
        if status in PASSING_FAULTS:
            return ApiError(
                f"{account}: the API still answers {status} after {self._patience.attempts} attempts. "
                "Run again later; what has landed is kept.",
                retryable=True,
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


class _Session(requests.Session):
    """A session that sees no redirects: requests would read where each leads to, even when it must not go there."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None
