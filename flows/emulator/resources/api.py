"""The Recordings API of a ledger, rendered or living: which resource answers a request."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path

from flows.emulator.http.messages import (
    TWILIO_ROOT,
    HttpRequest,
    Response,
    Route,
    Source,
    error,
    not_found,
    ok,
    unauthorized,
)
from flows.emulator.http.queries import QueryError, read_query, wants_deleted
from flows.emulator.ledger.generator import END, Parameters, account_name, account_sid
from flows.emulator.ledger.generator import recordings as generated
from flows.emulator.ledger.ledger import Account, Recording
from flows.emulator.ledger.living import LivingLedger
from flows.emulator.resources.account_page import account_object, account_page
from flows.emulator.resources.listing import Listing, page_of, read_cursor
from flows.emulator.resources.rendered import read_books, read_totals, render_once, source_hash
from flows.emulator.resources.usage_page import usage_page


@dataclass(frozen=True, slots=True)
class LivingSource(Source):
    """A ledger that changes while it is served."""

    ledger: LivingLedger

    def has_cursor(self, request: HttpRequest) -> bool:
        """Return whether the recording that the PageToken names is still where it was. True without a PageToken."""
        book = self.ledger.books.get(request.route.account_sid if request.route else "")
        token = request.query.get("PageToken")
        if book is not None and token is not None:
            with suppress(QueryError), self.ledger.lock:
                return book.has(*read_cursor(book.account, token))
        return True


def open_ledger(
    parameters: Parameters, cache_dir: Path, progress: Callable[[int, int], None] | None = None
) -> Source:
    """Open the ledger of these parameters, and render it below `cache_dir` if it is not there yet.

    `progress` is called with the number of rendered recordings and the total number. The contents of `cache_dir` can
    be deleted at any time; they are rendered again when needed.
    """
    p = parameters
    increments = "-".join(map(str, p.increments))
    folder = cache_dir / f"ledger-{p.seed}-{p.recordings}-{p.accounts}-{increments}-{source_hash()}"
    ledger = ((_account(account_name(i), account_sid(p.seed, i)), generated(p, i)) for i in range(p.accounts))
    render_once(folder, ledger, None if progress is None else lambda done: progress(done, p.recordings))
    return _source(folder)


def open_recordings(made_by_hand: Iterable[Recording], folder: Path) -> Source:
    """Open a ledger of any recordings, in any order. It is rendered into `folder`, which must not exist yet.

    Each account's name is its sid.

    Raises:
        FileExistsError: `folder` exists.
        ValueError: two recordings would have the same sid.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} already exists. Use a new folder for each ledger.")
    by_account: dict[str, list[Recording]] = {}
    for recording in sorted(made_by_hand, key=attrgetter("created_at", "sequence"), reverse=True):
        by_account.setdefault(recording.account_sid, []).append(recording)
    for sid, group in by_account.items():
        if len({recording.sequence for recording in group}) < len(group):
            raise ValueError(f"Two recordings of account {sid} have the same sequence number.")
    render_once(folder, ((_account(sid, sid), group) for sid, group in sorted(by_account.items())))
    return _source(folder)


def open_living(
    recordings: Iterable[Recording] | Parameters,
    *,
    accounts: Iterable[Account | str] = (),
    now: int | None = None,
) -> LivingSource:
    """Open a living ledger of generated recordings or of any others, in any order. It is kept in memory only.

    Args:
        recordings: the recordings, or the parameters to generate them from.
        accounts: more accounts, or sids of accounts, which may have no recordings. The name of an account that is
            given by its sid, or only by its recordings, is its sid.
        now: the ledger's current time, epoch seconds UTC. Defaults to the newest creation date, or for generated
            recordings to the midnight after the last one.

    Raises:
        ValueError: two recordings would have the same sid.
    """
    added = [account if isinstance(account, Account) else _account(account, account) for account in accounts]
    if isinstance(recordings, Parameters):
        p = recordings
        made_up = [_account(account_name(i), account_sid(p.seed, i)) for i in range(p.accounts)]
        found = {account.account_sid: account for account in (*made_up, *added)}
        made = [r for i in range(p.accounts) for r in generated(p, i)]
        now = END if now is None else now
    else:
        made = list(recordings)
        sids = sorted({recording.account_sid for recording in made})
        found = {a.account_sid: a for a in (*(_account(sid, sid) for sid in sids), *added)}
        now = max((recording.created_at for recording in made), default=END) if now is None else now
    ledger = LivingLedger(tuple(found.values()), made, now)

    def answer(request: HttpRequest) -> Response:
        with ledger.lock:
            return _answer(ledger.books, request, ledger.now)

    return LivingSource(ledger.accounts, ledger.totals, answer, ledger)


def _account(name: str, sid: str) -> Account:
    return Account(name, sid, "PT" + blake2b(sid.encode(), digest_size=24).hexdigest())


def _source(folder: Path) -> Source:
    books = {book.account.account_sid: book for book in read_books(folder)}
    return Source(
        accounts=tuple(book.account for book in books.values()),
        totals=partial(read_totals, folder),
        answer=partial(_answer, books, now=END),
    )


def _answer(books: Mapping[str, Listing], request: HttpRequest, now: int) -> Response:
    route = request.route
    if route is None:
        return not_found(request.path)
    user, token = request.credentials() or ("", "")
    book = books.get(user)
    if book is None or token != book.account.api_token or route.account_sid not in ("", user):
        return unauthorized()
    try:
        return _resource(books, book, request, route, now)
    except QueryError as refusal:
        return error(400, refusal.code, str(refusal))


def _resource(
    books: Mapping[str, Listing], book: Listing, request: HttpRequest, route: Route, now: int
) -> Response:
    """Return the requested resource, as the account of `book` may see it. Raises QueryError for a bad parameter."""
    match route.resource:
        case "recordings":
            query = read_query(request.query, request.dialect)
            return page_of(_with_deleted(book, route, is_wanted=query.with_deleted), request, query)
        case "usage":
            return usage_page(book.account, book.usage(), now, request)
        case "accounts":
            return account_page([each.account for each in books.values()], book.account, request)
        case "account":
            return ok(account_object(book.account, route.root))
        case "recording":
            is_wanted = wants_deleted(request.query)
            record = _with_deleted(book, route, is_wanted=is_wanted).find(route.recording_sid)
            return not_found(request.path) if record is None else Response(200, (record,))


def _with_deleted(book: Listing, route: Route, *, is_wanted: bool) -> Listing:
    """Return the recordings as a root shows them: Twilio also has deleted ones, in a list and by themselves."""
    return book.with_deleted() if is_wanted and route.root == TWILIO_ROOT else book
