"""Have Prefect start its temporary server protected like our own. Imported only where Prefect is."""

import atexit
import os
import subprocess
from typing import Any

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

from flows.stores.prefect.login import CLIENT, keep_to_owner, new_login
from flows.stores.prefect.server import started, taken
from flows.stores.prefect.server_environment import server_environment
from transforms.errors import ConfigError


def protect_temporary_server() -> None:
    """Have Prefect start its temporary server with a login of its own, which only this process knows.

    Call it before anything that may start one. Nothing changes if Prefect has a server to use. Raises ConfigError if
    this version of Prefect starts its server in a way that we do not know.
    """
    if get_current_settings().api.url:
        return
    # Loading it takes a second, and Prefect does so as well.
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415

    if not hasattr(SubprocessASGIServer, _START):
        raise ConfigError(
            "The temporary server of this version of Prefect cannot be protected. Set PREFECT_API_URL to a server, or "
            "leave out --prefect."
        )
    setattr(SubprocessASGIServer, _START, _start_protected)


_START = "_run_uvicorn_command"


def _start_protected(server: Any) -> "subprocess.Popen[bytes]":
    keep_to_owner(get_current_settings().home)
    login = new_login()
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    of_server = server_environment(os.environ | settings, server.address, login) | {
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT__SERVER_EPHEMERAL": "1",
    }
    # Prefect's clients read the login right after the start. It is worthless once the server has ended.
    os.environ[CLIENT] = login
    refresh_global_settings_context()
    port = taken(server.address)
    atexit.register(port.close)
    return started(port, of_server, start_new_session=False)
