"""Check the Prefect server, if one is configured: that it responds, its version, and that it asks for a login."""

import os
import re
from dataclasses import replace

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
    from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

    # isort: split
    from prefect import __version__ as ours
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    from flows.stores.prefect.open_server import OPEN_SERVER, answers_anybody
    from flows.stores.prefect.refusals import REFUSED_LOGIN, is_refused_login

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
        found = compared(shown, ours, theirs)
        if found.state == "ok" and answers_anybody(url):
            return replace(found, state="warn", words=f"{found.words}. It {OPEN_SERVER}")
        return found
    if is_refused_login(trouble):
        return Diagnosis(_SUBJECT, "fail", f"{shown} {REFUSED_LOGIN}")
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
