"""Check the Prefect server, if one is configured: that it responds and that its version is compatible."""

import os
import re

from flows.monitor.doctor.finding import Diagnosis
from transforms.settings.credentials import without_credentials

_SUBJECT = "Prefect"
_SECONDS = 5


def prefect_server() -> Diagnosis:
    """Query the server's health and version through Prefect's own client, which knows how to log in."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Diagnosis(_SUBJECT, "ok", "PREFECT_API_URL is not set; runs do not use Prefect")
    shown = without_credentials(url)
    # Loading Prefect takes a second.
    from httpx import HTTPStatusError
    from prefect import __version__ as ours
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(httpx_settings={"timeout": _SECONDS}, sync_client=True) as client,
        ):
            trouble = client.api_healthcheck()
            theirs = "" if trouble else str(client.api_version())
    except Exception as error:  # any error on the way to the server is a diagnosis
        trouble, theirs = error, ""
    if trouble is None:
        return compared(shown, ours, theirs)
    if isinstance(trouble, HTTPStatusError) and trouble.response.status_code in (401, 403):
        cure = "Set PREFECT_API_AUTH_STRING, or PREFECT_API_KEY for Prefect Cloud."
        return Diagnosis(_SUBJECT, "fail", f"{shown} refuses the login. {cure}")
    cure = "Start it, or unset PREFECT_API_URL to run without it."
    return Diagnosis(_SUBJECT, "fail", f"{shown} does not respond ({type(trouble).__name__}). {cure}")


def compared(shown: str, ours: str, theirs: str) -> Diagnosis:
    """Compare two versions. Prefect's client refuses another major version and warns about an older server."""
    facts = {"url": shown, "client_version": ours, "server_version": theirs}
    words = f"runs are reported to {shown}; server {theirs}, client {ours}"
    if _numbers(ours)[:1] != _numbers(theirs)[:1]:
        return Diagnosis(
            _SUBJECT, "fail", f"{words}. Major versions must be the same: upgrade the older.", facts
        )
    if _numbers(theirs) < _numbers(ours):
        return Diagnosis(
            _SUBJECT, "warn", f"{words}. The server is older than the client: upgrade it.", facts
        )
    return Diagnosis(_SUBJECT, "ok", words, facts)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
