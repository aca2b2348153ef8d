"""Tokens in Secret blocks of Prefect. It is imported only when a setting names a block, and Prefect with it."""

import os
from typing import cast

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect.blocks.system import Secret
from prefect.exceptions import ObjectNotFound

from transforms.errors import ConfigError
from transforms.settings.credentials import secret_in, without_credentials


def token_of_block(name: str, called: str) -> str:
    """The token that the Secret block of that name holds, asked of the Prefect server that is set up here.

    Without PREFECT_API_URL that is the server Prefect starts by itself, with the blocks that were saved through one.
    called: the block as messages name it, without its name. Raises ConfigError when there is no such block or no
    server, or when the block holds something else than one line.
    """
    address = os.environ.get("PREFECT_API_URL")
    server = without_credentials(address) if address else "that this machine is set up for"
    try:
        found = cast(Secret[str], Secret.load(name))
        # Its `get` would read a token of digits as a number.
        value: object = found.value.get_secret_value()
    except (RuntimeError, OSError, HTTPError, ValueError) as error:
        if isinstance(error.__cause__, ObjectNotFound):
            raise ConfigError(
                f"{called} is not on the Prefect server {server}. Create it there, or name another."
            ) from None
        raise ConfigError(
            f"{called} cannot be read: the Prefect server {server} does not answer ({type(error).__name__}). Start "
            "it, or mend PREFECT_API_URL."
        ) from None
    if not isinstance(value, str):
        raise ConfigError(f"{called} holds no text. It must hold the token alone.")
    return secret_in(value, called)
