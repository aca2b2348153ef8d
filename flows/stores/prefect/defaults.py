"""Our defaults for Prefect's settings. Import this before Prefect, which reads them only once."""

import atexit
import os
import sys

from flows.stores.prefect.login import login_found
from flows.stores.prefect.proxies import past_proxies

# Its server sends no telemetry, and a temporary server may take long to start.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
# A run counts as lost after three missing heartbeats: three minutes, instead of nine with Prefect's default.
os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "60")
os.environ.update(login_found(os.environ))
if not os.environ.get("PREFECT_API_URL"):
    os.environ.update(past_proxies(os.environ))  # the temporary server is on this machine
    # Users do not need its log: the command reports a failure in one line, and its own log has the details.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")


@atexit.register  # registered before Prefect's handlers, so it is called after them
def _release_duckdb() -> None:
    """Empty the modules of DuckDB at exit, when they are no longer used.

    Prefect keeps a flow, and with it everything its module refers to, longer than Python keeps modules. DuckDB's
    bindings then print forty lines about leaked objects.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("duckdb", "_duckdb"):
            vars(module).clear()
