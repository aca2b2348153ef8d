"""The temporary server that Prefect starts if none is configured."""

import sys


def stop_temporary_server() -> None:
    """Stop the temporary server, if any. Prefect does so at exit, but not in a process that skips exit handlers."""
    # Looked up instead of imported: if the module is not loaded, no server was started.
    module = sys.modules.get("prefect.server.api.server")
    servers = getattr(module, "SubprocessASGIServer", None)
    for server in list(servers._instances.values()) if servers else []:
        server.stop()
