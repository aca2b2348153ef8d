"""The list of accounts, as both vendors serve it, and its fault.

`GET /2010-04-01/Accounts.json` (for SignalWire also below `/api/laml`) lists the account of the credentials and its
subaccounts. This is documented at twilio.com/docs/iam/api/account and, as "project and any subprojects", in
SignalWire's Compatibility API. `PageSize` is 50 by default and at most 1000; `Status` and `FriendlyName` filter the
list (documented). A real response had `start` and `end`, as here. Twilio lists the token of each account in plain text
(documented, and seen in a real response); that SignalWire lists none is assumed.

In the emulator the first account is the project. All others are its subprojects and see only themselves. The order of
the real list is not known; here it is the order of the emulator's accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from urllib.parse import urlencode

from flows.emulator.http.fault_timing import Fault
from flows.emulator.http.messages import TWILIO_ROOT, Answer, HttpRequest, Response, Source, ok
from flows.emulator.http.queries import BAD_PAGE_TOKEN, QueryError, read_query
from flows.emulator.ledger.ledger import Account

_NO_TOKEN = "redacted"  # noqa: S105
ODD = "odd-accounts"
ODD_ACCOUNTS: Sequence[tuple[str | None, str]] = (
    ('"; DROP = "1', "active"),
    ("line one\nline two\r\n[[accounts]]", "active"),
    ("[x] # no comment [/x]", "active"),
    ("back\\slash \\u0041 \x7f\x00\x1b[31m", "active"),
    ("☎️ 東京 🎧", "active"),
    ("\u2028\u202eright to left", "active"),
    ("", "active"),
    (None, "active"),
    ("twice", "active"),
    ("twice", "active"),
    ("no longer paid\n", "suspended"),
    ("over\nand = 'out'", "closed"),
    ("under review", "pending"),
)
"""Names and statuses of the accounts that `odd-accounts` adds. The last status is not documented anywhere."""


def account_page(accounts: Sequence[Account], user: Account, request: HttpRequest) -> Response:
    """Return a page of the accounts that `user` may see.

    Raises:
        QueryError: a parameter is not valid.
    """
    checked, query = read_query(request.query), request.query
    root = request.route.root if request.route else ""
    listed = [account_object(account, root) for account in _visible(accounts, user)]
    if ODD in request.defects and listed[0]["sid"] == accounts[0].account_sid:
        listed += [_odd(number, *odd, root) for number, odd in enumerate(ODD_ACCOUNTS, 1)]
    for name, key in (("Status", "status"), ("FriendlyName", "friendly_name")):
        listed = [account for account in listed if query.get(name, account[key]) == account[key]]
    size, page = checked.page_size, checked.page
    if page and checked.page_token != f"PA{page * size:x}":
        raise QueryError(BAD_PAGE_TOKEN, "Page must come with the PageToken of a next_page_uri")
    start, stop = page * size, min((page + 1) * size, len(listed))

    def uri(number: int) -> str:
        kept: dict[str, object] = {name: query[name] for name in ("Status", "FriendlyName") if name in query}
        kept |= {"Page": number, "PageSize": size}
        if number:
            kept["PageToken"] = f"PA{number * size:x}"
        return f"{request.path}?{urlencode(kept)}"

    return ok(
        {
            "uri": uri(page),
            "start": start,
            "end": max(start, stop - 1),
            "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1) if stop < len(listed) else None,
            "previous_page_uri": uri(page - 1) if page else None,
            "page": page,
            "page_size": size,
            "accounts": listed[start:stop],
        }
    )


def account_object(account: Account, root: str) -> dict[str, object]:
    """Return an account in the form of a real response."""
    token = account.api_token if root == TWILIO_ROOT else _NO_TOKEN
    return _object(account.account_sid, account.name, "active", root, token)


def _visible(accounts: Sequence[Account], user: Account) -> Sequence[Account]:
    return accounts if user == accounts[0] else (user,)


def _odd(number: int, name: str | None, status: str, root: str) -> dict[str, object]:
    return _object(f"0dd00000-0000-4000-8000-{number:012x}", name, status, root)


def _object(sid: str, name: str | None, status: str, root: str, token: str = _NO_TOKEN) -> dict[str, object]:
    uri = f"{root}/Accounts/{sid}"
    return {
        "sid": sid,
        "friendly_name": name,
        "status": status,
        "auth_token": token,
        "date_created": "Mon, 20 Aug 2018 12:54:10 +0000",
        "date_updated": "Mon, 20 Aug 2018 12:54:10 +0000",
        "type": "Full",
        "uri": uri,
        "subresource_uris": {"recordings": f"{uri}/Recordings"},
    }


def _odd_accounts(answer: Answer, rng: Random, source: Source) -> Answer:
    def wrapped(request: HttpRequest) -> Response:
        if request.route is None or request.route.resource != "accounts":
            return answer(request)
        return answer(replace(request, defects=(*request.defects, ODD)))

    return wrapped


ACCOUNT_FAULTS: Mapping[str, Fault] = {ODD: _odd_accounts}
"""Faults of the list of accounts. Recordings and totals are not affected."""
