"""The accounts in the settings, checked before the first request."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from flows.settings.account_settings import AccountSettings, Provider
from flows.settings.config_file import config_path
from flows.settings.settings import Settings
from flows.settings.tokens import TOKEN_VARIABLE, token_of_entry, token_of_environment
from flows.stores.api.access import AccountAccess
from transforms.errors import ConfigError
from transforms.values.names import find_account

_URL = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/?", re.ASCII | re.IGNORECASE)
# Documented at twilio.com/docs/global-infrastructure: a region and the city where it is entered go together.
_TWILIO_HOST = re.compile(r"api(\.[a-z]+(-[a-z]+)*\.[a-z]{2}\d)?\.twilio\.com", re.ASCII)
USUAL_BASE_URLS: Mapping[Provider, str] = {
    "signalwire": "https://example.signalwire.com",
    "twilio": "https://api.twilio.com",
}
"""The base URL of each provider, or what it looks like."""
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|\[::1\]", re.ASCII | re.IGNORECASE)
# A sid is used in paths and URLs.
_SID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def accesses(settings: Settings, only: str | None = None) -> list[AccountAccess]:
    """How to reach each account; `only` picks one by name or sid. Raises ConfigError when something is missing."""
    return [access() for _, _, access in _described(settings, only)]


def refuse_unknown(settings: Settings, only: str | None) -> None:
    """Raise ConfigError when no account has this name or sid. Reads no token."""
    if only is not None:
        _described(settings, only)


def _described(
    settings: Settings, only: str | None = None
) -> list[tuple[str, str, Callable[[], AccountAccess]]]:
    """Name, sid and how to reach it, of each account or, with `only`, of the one with that name or sid.

    Raises ConfigError when two share a name or sid, or when `only` does not match any of them.
    """
    described: list[tuple[str, str, Callable[[], AccountAccess]]] = [
        (entry.name, entry.account_sid, partial(_of_entry, entry)) for entry in settings.accounts
    ]
    if settings.account_sid or not described:
        sid = settings.account_sid or ""
        described.insert(0, (settings.account_name or sid, sid, partial(_of_environment, settings)))
    for attribute, values in (
        ("name", [each[0] for each in described]),
        ("account_sid", [each[1] for each in described]),
    ):
        spelled = [value.lower() if attribute == "account_sid" else value for value in values]
        twice = {value for value, same in zip(values, spelled, strict=True) if spelled.count(same) > 1}
        if twice:
            raise ConfigError(f"Two accounts have the same {attribute}, {min(twice)}. Make them different.")
    if only is not None:  # only the accounts that are asked for need their tokens
        known = [(sid, name) for name, sid, _ in described if name]
        picked, _ = find_account(known, only, "No accounts are set up yet; run `recspend init`.")
        described = [each for each in described if each[1] == picked]
    return described


def account_names(settings: Settings) -> dict[str, str]:
    """Return account sid → name, of all accounts in the settings. Reads no token."""
    names = {entry.account_sid: entry.name for entry in settings.accounts}
    if settings.account_sid:
        names[settings.account_sid] = settings.account_name or settings.account_sid
    return names


def account_providers(settings: Settings) -> dict[str, str]:
    """Return account sid → provider, of all accounts in the settings. Reads no token."""
    providers: dict[str, str] = {entry.account_sid: entry.provider for entry in settings.accounts}
    if settings.account_sid:
        providers[settings.account_sid] = settings.provider
    return providers


def account_credits(settings: Settings) -> dict[str, str]:
    """Return account sid → what prices of the unusual sign are, of all accounts in the settings. Reads no token."""
    credits: dict[str, str] = {entry.account_sid: entry.credits for entry in settings.accounts}
    if settings.account_sid:
        credits[settings.account_sid] = settings.credits
    return credits


def account_increments(settings: Settings) -> dict[str, int]:
    """Return account sid → seconds in whose steps it is billed, of all accounts in the settings. Reads no token."""
    usual = settings.billing_increment_seconds
    increments = {entry.account_sid: entry.billing_increment_seconds or usual for entry in settings.accounts}
    if settings.account_sid:
        increments[settings.account_sid] = usual
    return increments


def with_usage(settings: Settings) -> frozenset[str]:
    """Return the sids of the accounts whose Usage Records are read: all Twilio accounts, unless switched off."""
    providers = account_providers(settings).items()
    return frozenset(sid for sid, provider in providers if provider == "twilio" and settings.usage_records)


def check_place(
    base_url: str | None = None, account_sid: str | None = None, provider: Provider | None = None
) -> None:
    """Check an account's base URL and sid, whichever is given. Raises ConfigError when one is not valid.

    provider: the one that the base URL must belong to, if it is known.
    """
    if base_url is not None:
        _checked_url(base_url, "The base URL", provider)
    if account_sid is not None:
        _checked_sid(account_sid, "The account sid")


def _of_environment(settings: Settings) -> AccountAccess:
    token, token_hint = token_of_environment(settings) or ("", "")
    needed = {
        "RECSPEND_BASE_URL": settings.base_url,
        "RECSPEND_ACCOUNT_SID": settings.account_sid,
        TOKEN_VARIABLE: token,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. Set "
            f"{'it' if len(missing) == 1 else 'them'}, add accounts to {config_path()}, "
            "or try `recspend demo`, which needs no account."
        )
    sid = needed["RECSPEND_ACCOUNT_SID"] or ""
    return AccountAccess(
        name=settings.account_name or sid,
        account_sid=_checked_sid(sid, "RECSPEND_ACCOUNT_SID"),
        base_url=_checked_url(needed["RECSPEND_BASE_URL"] or "", "RECSPEND_BASE_URL", settings.provider),
        user=settings.api_user or sid,
        token=token,
        provider=settings.provider,
        token_hint=token_hint,
    )


def _of_entry(entry: AccountSettings) -> AccountAccess:
    token, token_hint = token_of_entry(entry)
    return AccountAccess(
        name=entry.name,
        account_sid=_checked_sid(entry.account_sid, f"account_sid of account {entry.name}"),
        base_url=_checked_url(entry.base_url, f"base_url of account {entry.name}", entry.provider),
        user=entry.api_user or entry.account_sid,
        token=token,
        provider=entry.provider,
        token_hint=token_hint,
        created_on=entry.created_on,
    )


def _checked_sid(sid: str, where: str) -> str:
    if not _SID.fullmatch(sid):
        raise ConfigError(f"{where} is not a valid account sid. Copy it from the provider's console.")
    return sid


def _checked_url(url: str, where: str, provider: Provider | None = None) -> str:
    match = _URL.fullmatch(url.strip())
    if match is None:
        example = USUAL_BASE_URLS[provider or "signalwire"]
        raise ConfigError(f"{where} must be a scheme and a host, such as {example}.")
    scheme, host, port = match[1].lower(), match[2], match[3] or ""
    if scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise ConfigError(f"{where} would send the token unencrypted. Use https.")
    _refuse_other_provider(host.lower(), where, provider)
    return f"{scheme}://{host}{port}"


def _refuse_other_provider(host: str, where: str, provider: Provider | None) -> None:
    """Raise ConfigError when a host is not the API of the provider, but certainly another one's, or a web page."""
    is_twilio = host == "twilio.com" or host.endswith(".twilio.com")
    if provider == "signalwire" and is_twilio:
        raise ConfigError(f"{where} is Twilio's, but the provider is signalwire. Set provider to twilio.")
    if provider == "twilio" and host.endswith(".signalwire.com"):
        raise ConfigError(f"{where} is SignalWire's, but the provider is twilio. Set provider to signalwire.")
    if provider == "twilio" and is_twilio and not _TWILIO_HOST.fullmatch(host):
        raise ConfigError(
            f"{where} must be {USUAL_BASE_URLS['twilio']}, or that of a region, "
            "https://api.<city>.<region>.twilio.com, such as https://api.dublin.ie1.twilio.com."
        )
