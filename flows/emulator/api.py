"""The Recordings API over a rendered ledger: which bytes answer which request.

Newest first; there is no total, and no filter on the update date (documented). The cursor in `next_page_uri`
names the last recording of its page, so that recordings made meanwhile do not disturb a walk (documented).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlencode

from flows.emulator.generator import Parameters, account_name, account_sid, recordings
from flows.emulator.ledger import Account, Recording
from flows.emulator.messages import (
    Request,
    Response,
    Route,
    Source,
    error,
    json_bytes,
    not_found,
    ok,
    unauthorized,
)
from flows.emulator.pages import Book, read_books, read_totals, render_once, source_hash
from flows.emulator.queries import BAD_PAGE_TOKEN, ListQuery, QueryError, read_query

_TOKEN_PREFIX = "PA"  # noqa: S105 - a cursor, seen in the documents


def open_ledger(
    parameters: Parameters, cache_dir: Path, progress: Callable[[int, int], None] | None = None
) -> Source:
    """The ledger of these parameters, rendered below `cache_dir` if it is not there yet.

    `progress` is told the recordings done and the recordings in all. What is below `cache_dir` can be deleted
    at any time and is made again.
    """
    p = parameters
    folder = cache_dir / f"ledger-{p.seed}-{p.recordings}-{p.accounts}-{source_hash()}"
    ledger = (
        (_account(account_name(i), account_sid(p.seed, i)), recordings(p, i)) for i in range(p.accounts)
    )
    render_once(folder, ledger, None if progress is None else lambda done: progress(done, p.recordings))
    return _source(folder)


def open_recordings(made_by_hand: Iterable[Recording], folder: Path) -> Source:
    """A ledger of any recordings, in any order, rendered into `folder`, which must not exist yet.

    Accounts are named after their sids. Raises ValueError when two recordings would have the same sid.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists. Give each ledger a new folder.")
    by_account: dict[str, list[Recording]] = {}
    for recording in sorted(made_by_hand, key=attrgetter("created_at", "sequence"), reverse=True):
        by_account.setdefault(recording.account_sid, []).append(recording)
    for sid, group in by_account.items():
        if len({recording.sequence for recording in group}) < len(group):
            raise ValueError(f"Two recordings of account {sid} have the same sequence number.")
    render_once(folder, ((_account(sid, sid), group) for sid, group in sorted(by_account.items())))
    return _source(folder)


def _account(name: str, sid: str) -> Account:
    return Account(name, sid, "PT" + blake2b(sid.encode(), digest_size=24).hexdigest())


def _source(folder: Path) -> Source:
    books = {book.account.account_sid: book for book in read_books(folder)}
    return Source(
        accounts=tuple(book.account for book in books.values()),
        totals=partial(read_totals, folder),
        answer=partial(_answer, books),
    )


def _answer(books: Mapping[str, Book], request: Request) -> Response:
    route = request.route
    if route is None:
        return not_found(request.path)
    user, token = request.credentials() or ("", "")
    book = books.get(user)
    if book is None or token != book.account.api_token or route.account_sid not in ("", user):
        return unauthorized()
    if route.resource == "recordings":
        try:
            return _page(book, request.path, read_query(request.query))
        except QueryError as refusal:
            return error(400, refusal.code, str(refusal))
    if route.resource == "recording":
        record = book.find(route.recording_sid)
        return not_found(request.path) if record is None else Response(200, (record,))
    account = _account_object(book.account, route)
    return ok(account if route.resource == "account" else _account_list(account, request.path))


def _page(book: Book, path: str, query: ListQuery) -> Response:
    """One page. Its uris are relative to the host (documented) and keep the path as it was asked."""
    low, high = book.between(query.first, query.last)
    start = low
    if query.page_token is not None:
        start = min(max(low, book.after(*_read_token(book, query.page_token))), high)
    stop = min(start + query.page_size, high)

    def uri(page: int, token: str | None) -> str:
        parameters = {**query.filters, "Page": page, "PageSize": query.page_size}
        return f"{path}?{urlencode(parameters if token is None else {**parameters, 'PageToken': token})}"

    before = max(low, start - query.page_size)
    previous_uri = uri(query.page - 1, _token(book, before - 1)) if before > low else uri(0, None)
    head = json_bytes(
        {
            "uri": uri(query.page, query.page_token),
            "first_page_uri": uri(0, None),
            "next_page_uri": uri(query.page + 1, _token(book, stop - 1)) if stop < high else None,
            "previous_page_uri": previous_uri if query.page > 0 else None,
            "page": query.page,
            "page_size": query.page_size,
            "recordings": [],
        }
    )
    return Response(200, (head.removesuffix(b"]}"), book.body(start, stop), b"]}"))


def _pad(book: Book, check: bytes) -> int:
    """What hides the inside of a token, so that nobody is tempted to build one."""
    key = book.account.account_sid.encode() + check
    return int.from_bytes(blake2b(key, digest_size=12).digest(), "big")


def _token(book: Book, position: int) -> str:
    """The cursor that names the recording at `position`."""
    inside = (book.created[position] % 2**64) << 32 | book.sequences[position]
    check = _check(inside)
    return f"{_TOKEN_PREFIX}{check.hex()}{inside ^ _pad(book, check):024x}"


def _check(inside: int) -> bytes:
    return blake2b(inside.to_bytes(12, "big"), digest_size=4).digest()


def _read_token(book: Book, token: str) -> tuple[int, int]:
    """Creation date and sequence of the recording a cursor names."""
    try:
        check, hidden = bytes.fromhex(token[2:10]), int(token[10:], 16)
        inside = hidden ^ _pad(book, check)
        is_ours = token.startswith(_TOKEN_PREFIX) and len(token) == 34 and check == _check(inside)
    except (ValueError, OverflowError):
        is_ours = False
    if not is_ours:
        raise QueryError(BAD_PAGE_TOKEN, "PageToken is not one of a next_page_uri")
    created = inside >> 32
    return created - 2**64 if created >= 2**63 else created, inside % 2**32


def _account_object(account: Account, route: Route) -> dict[str, object]:
    """An account in the shape of a real response."""
    uri = f"{route.root}/Accounts/{account.account_sid}"
    return {
        "sid": account.account_sid,
        "friendly_name": account.name,
        "status": "active",
        "auth_token": "redacted",
        "date_created": "Mon, 20 Aug 2018 12:54:10 +0000",
        "date_updated": "Mon, 20 Aug 2018 12:54:10 +0000",
        "type": "Full",
        "uri": uri,
        "subresource_uris": {"recordings": f"{uri}/Recordings"},
    }


def _account_list(account: dict[str, object], path: str) -> dict[str, object]:
    """The accounts one credential may see, its own; a real response had `start` and `end`, as here."""
    uri = f"{path}?Page=0&PageSize=50"
    return {
        "uri": uri,
        "start": 0,
        "end": 0,
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
        "page": 0,
        "page_size": 50,
        "accounts": [account],
    }
