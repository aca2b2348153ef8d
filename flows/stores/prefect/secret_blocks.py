"""Read tokens from Secret blocks of Prefect. Imported, and Prefect with it, only if a setting names a block."""

import os
from typing import cast

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect.blocks.system import Secret
from prefect.exceptions import ObjectNotFound

from flows.stores.prefect.protected import protect_temporary_server
from flows.stores.prefect.refusals import REFUSED_LOGIN, is_refused_login
from transforms.errors import ConfigError
from transforms.settings.credentials import secret_in, without_credentials


def token_of_block(name: str, called: str) -> str:
    """Return the token in the Secret block of that name on the configured Prefect server.

    Without PREFECT_API_URL that is the temporary server that Prefect starts, with the blocks saved through one earlier.
    called: what error messages call the block. Raises ConfigError if the block or the server is missing, or if the
    block does not hold exactly one line.
    """
    address = os.environ.get("PREFECT_API_URL")
    server = without_credentials(address) if address else "configured on this machine"
    protect_temporary_server()
    try:
        found = cast(Secret[str], Secret.load(name))
        # Its `get` would return a token of digits as a number.
        value: object = found.value.get_secret_value()
    except (RuntimeError, OSError, HTTPError, ValueError) as error:
        if isinstance(error.__cause__, ObjectNotFound):
            raise ConfigError(
                f"{called} is not on the Prefect server {server}. Create it there, or name another."
            ) from None
        if is_refused_login(error):
            raise ConfigError(
                f"{called} cannot be read: the Prefect server {server} {REFUSED_LOGIN}"
            ) from None
        raise ConfigError(
            f"{called} cannot be read: the Prefect server {server} does not respond ({type(error).__name__}). Start "
            "it, or correct PREFECT_API_URL."
        ) from None
    if not isinstance(value, str):
        raise ConfigError(f"{called} does not contain text. It must contain only the token.")
    return secret_in(value, called)
