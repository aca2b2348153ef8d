"""The temporary server that Prefect starts by itself where it is told of none."""

import sys


def stop_temporary_server() -> None:
    """Stop it when there is one. Prefect does so when Python ends, but not in a process that leaves without that."""
    # Looked up, not imported: whoever has not loaded it has started none.
    module = sys.modules.get("prefect.server.api.server")
    servers = getattr(module, "SubprocessASGIServer", None)
    for server in list(servers._instances.values()) if servers else []:
        server.stop()
