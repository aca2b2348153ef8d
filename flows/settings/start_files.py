"""The files a new user starts from: recspend.toml, `.env.example`, and what git is to ignore.

None of them ever holds a secret, and none that is there is written over; `.gitignore` only ever gets lines more.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.settings.account_settings import AccountSettings
from flows.settings.accounts import check_place
from flows.settings.config_file import config_path
from flows.settings.settings import Settings
from flows.settings.settings_file import LeftOutAccounts, settings_text
from flows.settings.tokens import TOKEN_VARIABLE
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import ACCOUNTS, RecordingsApi
from flows.stores.api.retries import RetryPolicy
from flows.stores.whole_files import write_whole
from transforms.errors import ConfigError
from transforms.pages.accounts import ListedAccount, named, read_accounts
from transforms.settings.files import env_example, gitignore_with, ignored_folder

_ENV_EXAMPLE, _GITIGNORE = Path(".env.example"), Path(".gitignore")
_OF_ONE_ACCOUNT = (
    "base_url",
    "account_sid",
    "account_name",
    "api_user",
    "provider",
    "api_token",
    "token_file",
    "token_block",
)


@dataclass(frozen=True, slots=True)
class StartFile:
    """One file and what became of it: written, added to, the same already, or kept though it differs from `text`."""

    path: Path
    state: Literal["written", "extended", "same", "kept"]
    text: str


def listed_accounts(access: AccountAccess, retry_policy: RetryPolicy) -> list[ListedAccount]:
    """The account and its subaccounts as the API lists them; a token that is in a variable stays there.

    Raises ApiError or DataError when they cannot be read.
    """
    api = RecordingsApi(access, retry_policy)
    pager, listed = api.accounts_pager(), list[ListedAccount]()
    while (url := pager.url) is not None:
        body, envelope = api.fetch(url, ACCOUNTS)
        pager.advance(envelope.next_page_uri)
        listed += read_accounts(body)
    is_named = access.token_hint == TOKEN_VARIABLE
    return named(listed, {access.account_sid: TOKEN_VARIABLE} if is_named else {})


def with_entries(
    settings: Settings, listed: Sequence[ListedAccount], access: AccountAccess
) -> tuple[Settings, LeftOutAccounts]:
    """The settings with an entry for each account that can be read, and the entries of the others with the reason."""
    entries, left_out = list[AccountSettings](), list[tuple[AccountSettings, str]]()
    for account in listed:
        entry = _entry(account, access, settings)
        reason = "" if account.is_open else f"{account.name} is {account.status} and is not read:"
        try:
            check_place(account_sid=account.account_sid)
        except ConfigError:
            reason = f"{account.name} has a sid that cannot be used:"
        if reason:
            left_out.append((entry, reason))
        else:
            entries.append(entry)
    # Of one account only the entry is left, else it would stand in the file twice.
    others = {name: getattr(settings, name) for name in settings.model_fields_set - {*_OF_ONE_ACCOUNT}}
    return Settings.model_construct(**others | {"accounts": entries}), left_out


def _entry(account: ListedAccount, access: AccountAccess, settings: Settings) -> AccountSettings:
    more: dict[str, object] = {"token_env": account.token_env}
    if account.account_sid == access.account_sid:
        if access.user != access.account_sid:
            more["api_user"] = access.user
        if settings.token_file or settings.token_block:
            more |= {
                "token_env": None,
                "token_file": settings.token_file,
                "token_block": settings.token_block,
            }
    if access.provider != "signalwire":
        more["provider"] = access.provider
    return AccountSettings(
        name=account.name,
        base_url=access.base_url,
        account_sid=account.account_sid,
        **more,  # type: ignore[arg-type]
    )


def variables_of(settings: Settings) -> Mapping[str, str]:
    """The variables that must hold a token, each with whose it is."""
    found = {}
    is_elsewhere = settings.token_file or settings.token_block
    if not is_elsewhere and (settings.account_sid or not settings.accounts):
        of = settings.account_name or settings.account_sid
        found = {TOKEN_VARIABLE: f"The API token of {of}." if of else "The API token."}
    return found | {
        entry.token_env: f"The API token of {entry.name} ({entry.account_sid})."
        for entry in settings.accounts
        if entry.token_env
    }


def start_files(settings: Settings, left_out: LeftOutAccounts = ()) -> list[StartFile]:
    """Write what is not there yet, and say what became of each file."""
    return [
        _written(config_path(), settings_text(settings, left_out)),
        _written(_ENV_EXAMPLE, env_example(list(variables_of(settings).items()))),
        _ignored(settings.data_dir),
    ]


def counted(left_out: LeftOutAccounts, listed: Sequence[ListedAccount]) -> str:
    """How many accounts the API listed, in words, and what became of them."""
    states = Counter(account.status for account in listed if not account.is_open)
    odd = len(left_out) - states.total()
    reasons = [f"{count} {status}" for status, count in sorted(states.items())]
    reasons += [f"{odd} with a sid that cannot be used"] if odd else []
    beside = f"; as comments only: {', '.join(reasons)}" if reasons else ""
    return f"The API lists {len(listed)} accounts: {len(listed) - len(left_out)} get an entry{beside}."


def _written(path: Path, text: str) -> StartFile:
    if os.path.lexists(path):
        return StartFile(path, "same" if path.read_bytes() == text.encode() else "kept", text)
    write_whole(path, text.encode())
    return StartFile(path, "written", text)


def _ignored(data_dir: Path) -> StartFile:
    """Let git ignore the data folder, when it stands below this one, and the file of secrets."""
    here = Path.cwd()
    inside = Path(os.path.normpath(here / data_dir))
    folders = [ignored_folder(inside.relative_to(here))] if here in inside.parents else []
    before = _GITIGNORE.read_bytes().decode(errors="surrogateescape") if _GITIGNORE.exists() else ""
    after = gitignore_with(before, [*folders, ".env"])
    if after == before:
        return StartFile(_GITIGNORE, "same", after)
    write_whole(_GITIGNORE.resolve(), after.encode(errors="surrogateescape"))
    return StartFile(_GITIGNORE, "extended" if before else "written", after)
