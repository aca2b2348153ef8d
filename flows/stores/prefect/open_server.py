"""Find out whether a Prefect server answers requests without a login."""

import httpx

from transforms.settings.credentials import without_credentials

OPEN_SERVER = (
    "answers without a login: everybody who can reach it, and any web page in a browser there, can read its Secret "
    "blocks and run commands as its workers. Set PREFECT_SERVER_API_AUTH_STRING for the server, and "
    "PREFECT_API_AUTH_STRING to the same for recspend and the workers."
)
"""What to say of such a server, after its address."""

_SECONDS = 5


def answers_anybody(api_url: str) -> bool:
    """Ask a server for its version without a login; a protected one refuses. False if it does not respond at all."""
    # It would turn a user and password in the address into a login.
    address = without_credentials(api_url).rstrip("/")
    try:
        return httpx.get(f"{address}/admin/version", timeout=_SECONDS).is_success
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False
