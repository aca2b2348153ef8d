"""The list of accounts: what the API sends, and the names and variables its accounts get in the settings.

`GET /2010-04-01/Accounts.json` of Twilio (documented at twilio.com/docs/iam/api/account) and `GET
/api/laml/2010-04-01/Accounts` of SignalWire (developer.signalwire.com, Compatibility API, List Accounts: the project of
the credentials and its subprojects; an older page says only the project). A page is the usual envelope around
`accounts`; `status` is active, suspended or closed; `date_created` is RFC 2822; `friendly_name` has up to 64
characters of any kind, by default an e-mail address. A page of Twilio's contains the `auth_token` of each account in
plain text (documented, and seen): it is removed as soon as a page arrives, and no page is stored.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count

import msgspec

from transforms.errors import DataError, NotJsonError
from transforms.pages.bounds import LONGEST_TEXT, check_records, check_size, shallow
from transforms.pages.broken import without_lone_surrogates
from transforms.pages.records import Envelope, ends_of, next_page
from transforms.values.dates import parse_instant

# The prefix matters: from an account's name alone, the variable could be GITHUB_TOKEN, and the secret of another
# service would be sent to this API.
_VARIABLE = "RECSPEND_ACCOUNT_{}_TOKEN"


# Four times as long as documented.
_LONGEST_NAME = 256

# A key is written without escapes by both vendors; a token under any other key is still found to be a secret.
_AUTH_TOKEN = re.compile(rb'"auth_token"\s*:\s*"(?:[^"\\]|\\.)*"', re.DOTALL)


class _ListedAccount(msgspec.Struct):
    sid: str | None = None
    friendly_name: str | None = None
    status: str | None = None
    date_created: str | None = None


class _AccountPage(msgspec.Struct):
    accounts: list[_ListedAccount]
    next_page_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One account of the list, with its name on one line, when it was created (UTC), and the variable for its token."""

    account_sid: str
    name: str
    status: str
    token_env: str = ""
    created_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether its recordings can be listed; assumed for an unknown status."""
        return self.status not in ("closed", "suspended")


def without_auth_tokens(body: bytes) -> bytes:
    """Remove the tokens from a page, so that they can be neither kept nor shown."""
    return _AUTH_TOKEN.sub(b'"auth_token":null', body)


def read_account_envelope(body: bytes) -> Envelope:
    """Parse how a page continues.

    Raises:
        NotJsonError: The body is not JSON.
        DataError: It is JSON, but not a page of accounts.
    """
    page = _decode(body)
    return Envelope(len(page.accounts), next_page(page.next_page_uri), _ends(page.accounts))


def read_accounts(body: bytes) -> list[ListedAccount]:
    """Parse the accounts of a page. One without a sid, or with an impossibly long one, is left out: it has no list."""
    return [
        ListedAccount(
            account.sid,
            _one_line((account.friendly_name or "")[:_LONGEST_NAME]),
            (account.status or "")[:_LONGEST_NAME].lower(),
            created_at=parse_instant((account.date_created or "")[:_LONGEST_NAME]),
        )
        for account in _decode(body).accounts
        if account.sid and len(account.sid) <= LONGEST_TEXT
    ]


def named(listed: Iterable[ListedAccount], variables: Mapping[str, str]) -> list[ListedAccount]:
    """Give each account a unique name and a unique variable; each account is listed once.

    An empty name becomes the sid, and a name that another account has gets a number. A new variable is
    `RECSPEND_ACCOUNT_…_TOKEN` with the name in ASCII capitals.

    Args:
        listed: The accounts, in order; one may be listed more than once.
        variables: The variables already in use, by sid; they are kept.
    """
    accounts = list({account.account_sid: account for account in listed}.values())
    names = _unique((account.name or account.account_sid for account in accounts), " ")
    capitals = [
        _capitals(name) or _capitals(each.account_sid) for each, name in zip(accounts, names, strict=True)
    ]
    made = [_VARIABLE.format(each) for each in _unique(capitals, "_")]
    return [
        replace(account, name=name, token_env=variables.get(account.account_sid, variable))
        for account, name, variable in zip(accounts, names, made, strict=True)
    ]


def _ends(accounts: list[_ListedAccount]) -> tuple[bytes, ...]:
    return ends_of([msgspec.Raw(msgspec.json.encode(account)) for account in accounts])


def _decode(body: bytes) -> _AccountPage:
    check_size(body)
    for clean in (bytes, without_lone_surrogates):
        try:
            page = msgspec.json.decode(clean(body), type=_AccountPage)
        except msgspec.ValidationError as error:
            raise DataError(f"not a page of accounts ({error})") from None
        except RecursionError:
            return _decode(shallow(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        check_records(len(page.accounts))
        return page
    raise NotJsonError("not a page of accounts (not JSON)")


def _one_line(name: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def _unique(names: Iterable[str], separator: str) -> list[str]:
    """Append a number to each name that is already taken by an earlier one."""
    unique: list[str] = []
    for name in names:
        numbered = (f"{name}{separator}{number}" for number in count(2))
        unique.append(next(each for each in chain([name], numbered) if each not in unique))
    return unique


def _capitals(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    return re.sub(r"[^A-Z0-9]+", "_", letters).strip("_")
