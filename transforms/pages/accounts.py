"""The list of accounts: what the API says, and under which names and variables its accounts can stand in the settings.

`GET /2010-04-01/Accounts.json` of Twilio (documented at twilio.com/docs/iam/api/account) and `GET
/api/laml/2010-04-01/Accounts` of SignalWire (developer.signalwire.com, Compatibility API, List Accounts: the project of
the credentials and its subprojects; an older page says the project alone). A page is the usual envelope around
`accounts`; `status` is active, suspended or closed; `friendly_name` has up to 64 characters of any kind, by default an
e-mail address. Twilio's `auth_token` is a secret in plain sight: it is not read, and nothing of a page is kept.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

import msgspec

from transforms.errors import DataError, NotJsonError
from transforms.pages.records import Envelope, without_lone_surrogates

# Of a name alone could come GITHUB_TOKEN, and the secret of another service would be sent to this one.
_VARIABLE = "RECSPEND_ACCOUNT_{}_TOKEN"


class _ListedAccount(msgspec.Struct):
    sid: str | None = None
    friendly_name: str | None = None
    status: str | None = None


class _AccountPage(msgspec.Struct):
    accounts: list[_ListedAccount]
    next_page_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One account of the list; a name on one line, and the variable that is to hold its token."""

    account_sid: str
    name: str
    status: str
    token_env: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it can be read; an unknown status may be."""
        return self.status not in ("closed", "suspended")


def read_account_envelope(body: bytes) -> Envelope:
    """How a page continues. Raises NotJsonError or DataError when it is none."""
    page = _decode(body)
    return Envelope(len(page.accounts), page.next_page_uri)


def read_accounts(body: bytes) -> list[ListedAccount]:
    """The accounts of a page; one without a sid cannot be asked for anything and is left out."""
    return [
        ListedAccount(account.sid, _one_line(account.friendly_name or ""), (account.status or "").lower())
        for account in _decode(body).accounts
        if account.sid
    ]


def named(listed: Iterable[ListedAccount], variables: Mapping[str, str]) -> list[ListedAccount]:
    """Each account once, with a name and a variable of its own.

    A name that is empty is the sid, one that another account has gets a number. variables: those that are known
    already, by sid; a new one is `RECSPEND_ACCOUNT_…_TOKEN` with the name in ASCII capitals.
    """
    accounts = list({account.account_sid: account for account in listed}.values())
    names = _apart((account.name or account.account_sid for account in accounts), " ")
    capitals = [
        _capitals(name) or _capitals(each.account_sid) for each, name in zip(accounts, names, strict=True)
    ]
    made = [_VARIABLE.format(each) for each in _apart(capitals, "_")]
    return [
        replace(account, name=name, token_env=variables.get(account.account_sid, variable))
        for account, name, variable in zip(accounts, names, made, strict=True)
    ]


def _decode(body: bytes) -> _AccountPage:
    for mended in (bytes, without_lone_surrogates):
        try:
            return msgspec.json.decode(mended(body), type=_AccountPage)
        except msgspec.ValidationError as error:
            raise DataError(f"not a page of accounts ({error})") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    raise NotJsonError("not a page of accounts (no JSON)")


def _one_line(name: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def _apart(names: Iterable[str], between: str) -> list[str]:
    """The names, with a number behind each that another had before."""
    apart: list[str] = []
    for name in names:
        numbered = (f"{name}{between}{number}" for number in count(2))
        apart.append(next(each for each in chain([name], numbered) if each not in apart))
    return apart


def _capitals(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    return re.sub(r"[^A-Z0-9]+", "_", letters).strip("_")
