"""The files a new user starts from: recspend.toml, `.env.example` and `.gitignore`.

None of them ever contains a secret. Existing files are not overwritten; lines are only ever added to `.gitignore`.
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
    """One file and what was done: written, extended, already the same, or kept although it differs from `text`."""

    path: Path
    state: Literal["written", "extended", "same", "kept"]
    text: str


def listed_accounts(access: AccountAccess, retry_policy: RetryPolicy) -> list[ListedAccount]:
    """Return the account and its subaccounts as the API lists them. A token keeps the variable it is in.

    Raises ApiError or DataError when they cannot be read.
    """
    api = RecordingsApi(access, retry_policy)
    pager, listed = api.accounts_pager(), list[ListedAccount]()
    while (url := pager.url) is not None:
        body, envelope = api.fetch(url, ACCOUNTS)
        pager.follow(len(body), envelope)
        listed += read_accounts(body)
    is_named = access.token_hint == TOKEN_VARIABLE
    return named(listed, {access.account_sid: TOKEN_VARIABLE} if is_named else {})


def with_entries(
    settings: Settings, listed: Sequence[ListedAccount], access: AccountAccess
) -> tuple[Settings, LeftOutAccounts]:
    """Return the settings with an entry for each account that can be read, and the other entries with the reason."""
    entries, left_out = list[AccountSettings](), list[tuple[AccountSettings, str]]()
    for account in listed:
        entry = _entry(account, access, settings)
        reason = "" if account.is_open else f"{account.name} is {account.status} and is not read:"
        try:
            check_place(account_sid=account.account_sid)
        except ConfigError:
            reason = f"{account.name} does not have a valid sid:"
        if reason:
            left_out.append((entry, reason))
        else:
            entries.append(entry)
    # Leave out the settings of the single account: its entry replaces them.
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
    if account.created_at is not None:
        more["created_on"] = account.created_at.date()
    if access.provider != "signalwire":
        more["provider"] = access.provider
    return AccountSettings(
        name=account.name,
        base_url=access.base_url,
        account_sid=account.account_sid,
        **more,  # type: ignore[arg-type]
    )


def variables_of(settings: Settings) -> Mapping[str, str]:
    """Return the variables that must hold a token, each with a description of the token."""
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
    """Write the files that are missing, and return what was done with each."""
    return [
        _written(config_path(), settings_text(settings, left_out)),
        _written(_ENV_EXAMPLE, env_example(list(variables_of(settings).items()))),
        _ignored(settings.data_dir),
    ]


def counted(left_out: LeftOutAccounts, listed: Sequence[ListedAccount]) -> str:
    """Return a sentence on how many accounts the API listed, and how many got an entry."""
    states = Counter(account.status for account in listed if not account.is_open)
    odd = len(left_out) - states.total()
    reasons = [f"{count} {status}" for status, count in sorted(states.items())]
    reasons += [f"{odd} without a valid sid"] if odd else []
    commented_out = f"; as comments only: {', '.join(reasons)}" if reasons else ""
    return f"The API lists {len(listed)} accounts: {len(listed) - len(left_out)} get an entry{commented_out}."


def _written(path: Path, text: str) -> StartFile:
    if os.path.lexists(path):
        return StartFile(path, "same" if path.read_bytes() == text.encode() else "kept", text)
    write_whole(path, text.encode())
    return StartFile(path, "written", text)


def _ignored(data_dir: Path) -> StartFile:
    """Make git ignore `.env`, and the data folder if it is inside the working directory."""
    here = Path.cwd()
    inside = Path(os.path.normpath(here / data_dir))
    folders = [ignored_folder(inside.relative_to(here))] if here in inside.parents else []
    before = _GITIGNORE.read_bytes().decode(errors="surrogateescape") if _GITIGNORE.exists() else ""
    after = gitignore_with(before, [*folders, ".env"])
    if after == before:
        return StartFile(_GITIGNORE, "same", after)
    write_whole(_GITIGNORE.resolve(), after.encode(errors="surrogateescape"))
    return StartFile(_GITIGNORE, "extended" if before else "written", after)
