"""What Prefect is told by default, wherever it is used. To be imported before Prefect, which looks only once."""

import os

# Its server sends nothing to anybody, and a temporary one may take its time to start.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
if not os.environ.get("PREFECT_API_URL"):
    # A temporary server is nobody's business but ours: the command says so in one line, and its log says the rest.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")
