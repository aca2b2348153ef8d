"""One page of a recordings list: its envelope, and the cursors that lead from page to page.

Lists are newest first. They have no total count and no filter on the update date (documented). The cursor in
`next_page_uri` names the last recording of its page, so that recordings created in the meantime do not shift the
following pages (documented).
"""

from hashlib import blake2b
from typing import Protocol
from urllib.parse import urlencode

from flows.emulator.http.messages import FileSlice, HttpRequest, Response, json_bytes
from flows.emulator.http.queries import BAD_PAGE_TOKEN, ListQuery, QueryError
from flows.emulator.ledger.ledger import Account
from flows.emulator.ledger.usage import UsageDay

_TOKEN_PREFIX = "PA"  # noqa: S105 - a cursor, as in the documentation


class Listing(Protocol):
    """The recordings of one account that the API lists. Position 0 is the newest."""

    @property
    def account(self) -> Account:
        """The account that the recordings belong to."""

    def between(self, first: float, last: float) -> tuple[int, int]:
        """Return start and stop of the recordings created from `first` to `last`, both inclusive."""

    def after(self, created: int, sequence: int) -> int:
        """Return the position after a recording, whether or not it is still there."""

    def cursor(self, position: int) -> tuple[int, int]:
        """Return creation date and sequence of the recording at `position`."""

    def body(self, start: int, stop: int) -> bytes | FileSlice:
        """Return the text of the recordings from `start` to before `stop`, separated by commas."""

    def sent(self, start: int, stop: int) -> None:
        """Take note that these recordings are sent to a client in a page."""

    def usage(self) -> list[UsageDay]:
        """Return what is counted and charged per day, newest first."""

    def find(self, sid: str) -> bytes | FileSlice | None:
        """Return the text of one recording, None if the account has no such recording."""

    def with_deleted(self) -> "Listing":
        """Return the same list with the recordings that were deleted up to 40 days ago."""


def page_of(listing: Listing, request: HttpRequest, query: ListQuery) -> Response:
    """Return one page. Its uris are relative to the host (documented) and repeat the requested path.

    Raises:
        QueryError: the cursor is not one of this account.
    """
    low, high = listing.between(query.first, query.last)
    start = low
    if query.page_token is not None:
        start = min(max(low, listing.after(*read_cursor(listing.account, query.page_token))), high)
    stop = min(start + query.rows, high)

    def uri(page: int, token: str | None) -> str:
        parameters = {**query.filters, "Page": page, "PageSize": query.page_size}
        return (
            f"{request.path}?{urlencode(parameters if token is None else {**parameters, 'PageToken': token})}"
        )

    def token(position: int) -> str:
        return _token(listing.account, *listing.cursor(position))

    before = max(low, start - query.rows)
    previous_uri = uri(query.page - 1, token(before - 1)) if before > low else uri(0, None)
    head = json_bytes(
        {
            "uri": uri(query.page, query.page_token),
            "first_page_uri": uri(0, None),
            "next_page_uri": uri(query.page + 1, token(stop - 1)) if stop < high else None,
            "previous_page_uri": previous_uri if query.page > 0 else None,
            "page": query.page,
            "page_size": query.page_size,
            "recordings": [],
        }
    )
    if request.by_client:
        listing.sent(start, stop)
    return Response(200, (head.removesuffix(b"]}"), listing.body(start, stop), b"]}"))


def read_cursor(account: Account, token: str) -> tuple[int, int]:
    """Return creation date and sequence of the recording that a cursor names. Raises QueryError if it is not valid."""
    try:
        check, hidden = bytes.fromhex(token[2:10]), int(token[10:], 16)
        inside = hidden ^ _pad(account, check)
        is_ours = token.startswith(_TOKEN_PREFIX) and len(token) == 34 and check == _check(inside)
    except (ValueError, OverflowError):
        is_ours = False
    if not is_ours:
        raise QueryError(BAD_PAGE_TOKEN, "PageToken does not come from a next_page_uri")
    created = inside >> 32
    return created - 2**64 if created >= 2**63 else created, inside % 2**32


def _token(account: Account, created: int, sequence: int) -> str:
    """Return the cursor that names a recording."""
    inside = (created % 2**64) << 32 | sequence
    check = _check(inside)
    return f"{_TOKEN_PREFIX}{check.hex()}{inside ^ _pad(account, check):024x}"


def _pad(account: Account, check: bytes) -> int:
    """Return the mask that obscures a token's contents, so that clients don't try to construct tokens."""
    key = account.account_sid.encode() + check
    return int.from_bytes(blake2b(key, digest_size=12).digest(), "big")


def _check(inside: int) -> bytes:
    return blake2b(inside.to_bytes(12, "big"), digest_size=4).digest()
