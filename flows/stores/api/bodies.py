"""Receive what a response holds: never more than a page can have, never longer than its deadline, and no token."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from flows.stores.api.access import AccountAccess
from flows.stores.api.deadline import Deadline
from flows.stores.api.responses import TransientError
from transforms.errors import OversizedError
from transforms.pages.bounds import MOST_BYTES
from transforms.settings.credentials import contains_secret

NO_WHOLE_PAGE = (
    "the API sent no complete page in {attempts} attempts. Run again later; what has landed is kept."
)
_TOO_SLOW = (
    "the API did not send a whole response in time, in {attempts} attempts. Run again later, or raise page_timeout if "
    "the connection is slow; what has landed is kept."
)
# Each takes minutes.
_SLOW_ATTEMPTS = 2
_PIECE_BYTES = 1 << 20
_SAID_BYTES = 1 << 16


def whole_body(response: requests.Response, deadline: Deadline, access: AccountAccess) -> bytes:
    """Read the whole body piece by piece.

    Raises:
        TransientError: It does not arrive, or not in time.
        OversizedError: It is larger than any page.
    """
    pieces, size = [], 0
    try:
        for piece in _pieces(response):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise oversized(f"it is larger than {MOST_BYTES >> 20} MB", access)
    except (HTTPError, OSError) as error:
        if deadline.is_over:
            raise too_slow() from None
        raise TransientError(type(error).__name__, NO_WHOLE_PAGE) from None
    if deadline.is_over:
        raise too_slow()
    return b"".join(pieces)


def first_bytes(response: requests.Response) -> bytes:
    """Read the beginning of the body of a refusal; what it says is shorter."""
    said = b""
    with suppress(HTTPError, OSError):
        for piece in _pieces(response):
            said += piece
            if len(said) > _SAID_BYTES:
                break
    return said


def headers_to_show(response: requests.Response, secrets: Collection[bytes]) -> Mapping[str, str]:
    """Return the headers without those that repeat a secret."""
    return CaseInsensitiveDict(
        (name, value)
        for name, value in response.headers.items()
        if not contains_secret(f"{name}: {value}".encode(errors="replace"), secrets)
    )


def oversized(why: object, access: AccountAccess, body: bytes = b"") -> OversizedError:
    """Return the error for a page that is larger than any real one. It concerns only its own window.

    Nothing of the page is kept: each run would add another, and nobody knows what is in it. body: the whole page, if it
    was received; the size and the digest in the message show whether the API repeats it.
    """
    received = f" ({len(body):,} bytes, sha256 {hashlib.sha256(body).hexdigest()})" if body else ""
    return OversizedError(
        f"Account {access.name}: the API sent a page that is not kept: {why}{received}. Other days are read. Run again "
        "later; if it happens again, report it to the vendor."
    )


def too_slow() -> TransientError:
    """Return the error for a response that was not there in time."""
    return TransientError("response is too slow", _TOO_SLOW, most_attempts=_SLOW_ATTEMPTS)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        yield piece
