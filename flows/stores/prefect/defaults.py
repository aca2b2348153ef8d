"""What Prefect is told by default, wherever it is used. To be imported before Prefect, which looks only once."""

import atexit
import os
import sys

from flows.stores.prefect.proxies import past_proxies

# Its server sends nothing to anybody, and a temporary one may take its time to start.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
# Three that are missing mark a run as lost: after three minutes, wherever it runs. Prefect's own would be nine.
os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "60")
if not os.environ.get("PREFECT_API_URL"):
    os.environ.update(past_proxies(os.environ))  # the temporary server is on this machine
    # It is nobody's business but ours, too: the command says so in one line, and its log says the rest.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")


@atexit.register  # before Prefect's own, so it is called after them
def _release_duckdb() -> None:
    """Empty the modules of DuckDB, which nobody uses any longer.

    Prefect keeps a flow, and with it all that the flow's module knows, longer than Python keeps modules. DuckDB's
    bindings then print forty lines on what is left of them.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("duckdb", "_duckdb"):
            vars(module).clear()
