"""Where an account's token comes from: a variable, a file or a Prefect Secret block, and only one of them.

Other secrets are read from variables in the same way.
"""

import os
import re
from pathlib import Path

from flows.settings.account_settings import AccountSettings
from flows.settings.settings import Settings
from flows.stores.folder.secret_file import read_secret
from transforms.errors import ConfigError
from transforms.settings.credentials import secret_in

TOKEN_VARIABLE = "RECSPEND_API_TOKEN"  # noqa: S105 (the variable's name, not its content)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)

Token = tuple[str, str]
"""A token, and a description of where it comes from. Never show the whole tuple."""


def asks_prefect(settings: Settings) -> bool:
    """Return whether reading the tokens needs a Prefect server, and so loads Prefect."""
    return bool(settings.token_block or any(entry.token_block for entry in settings.accounts))


def secret_variables(settings: Settings) -> frozenset[str]:
    """Return the variables that hold a secret of the settings, in capitals: the tokens, and those of channels.

    Other programs do not need them. Our own settings are read in either case.
    """
    named = (
        *(account.token_env for account in settings.accounts),
        *(getattr(channel, key, None) for channel in settings.notify for key in ("url_env", "password_env")),
    )
    return frozenset(name.upper() for name in (TOKEN_VARIABLE, *named) if name)


def token_of_environment(settings: Settings) -> Token | None:
    """Return the token of the account without an `[[accounts]]` entry; None if no setting says where it is.

    Raises ConfigError when more than one setting says where it is, or when the token is not there.
    """
    _at_most_one(
        "",
        {
            TOKEN_VARIABLE: settings.api_token,
            "RECSPEND_TOKEN_FILE": settings.token_file,
            "RECSPEND_TOKEN_BLOCK": settings.token_block,
        },
    )
    if settings.api_token is not None:
        return secret_in(settings.api_token.get_secret_value(), TOKEN_VARIABLE), TOKEN_VARIABLE
    if settings.token_file is not None:
        return _of_file(settings.token_file, "The file that RECSPEND_TOKEN_FILE names")
    if settings.token_block is not None:
        return _of_block(settings.token_block, "The Prefect Secret block that RECSPEND_TOKEN_BLOCK names")
    return None


def token_of_entry(entry: AccountSettings) -> Token:
    """Return the token of an `[[accounts]]` entry.

    Raises ConfigError unless exactly one setting of the entry says where the token is, or when the token is not there.
    """
    account = f"Account {entry.name}"
    _at_most_one(
        account,
        {"token_env": entry.token_env, "token_file": entry.token_file, "token_block": entry.token_block},
    )
    if entry.token_env is not None:
        return secret_of_variable(entry.token_env, account, "token_env", "the token"), entry.token_env
    if entry.token_file is not None:
        return _of_file(entry.token_file, f"{account}: the file that token_file names")
    if entry.token_block is not None:
        return _of_block(entry.token_block, f"{account}: the Prefect Secret block that token_block names")
    raise ConfigError(f"{account}: there is no token. Set one of token_env, token_file and token_block.")


def secret_of_variable(name: str, whose: str, key: str, what: str) -> str:
    """Return the secret in a variable.

    whose: what the setting belongs to, such as "Account sales"; key: the setting that names the variable; what: the
    secret, such as "the token". Raises ConfigError when the variable is not set, or does not hold exactly one secret.
    """
    # If the setting holds the secret itself by mistake, the secret must not appear in a message.
    variable = f"{whose}: the variable {name if _VARIABLE.fullmatch(name) else f'that {key} names'}"
    text = os.environ.get(name)
    if not text:
        raise ConfigError(f"{variable} is not set. It must hold {what}.")
    return secret_in(text, variable, what)


def _at_most_one(whose: str, places: dict[str, object]) -> None:
    given = [name for name, value in places.items() if value is not None]
    if len(given) > 1:
        words = f"{' and '.join(given)} are {'both' if len(given) == 2 else 'all'} set. Keep only one."
        raise ConfigError(f"{whose}: {words}" if whose else words)


def _of_file(path: Path, called: str) -> Token:
    return read_secret(path, called, "the token"), f"the file {path}"


def _of_block(name: str, called: str) -> Token:
    from flows.stores.prefect.secret_blocks import token_of_block

    return token_of_block(name, called), f"the Prefect Secret block {name}"
