"""Post messages to a webhook as JSON, in the form that Slack and compatible services expect.

Uses the standard library's client because it writes no log. At debug level urllib3 logs the path of each request, which
is the secret of a Slack webhook.
"""

import re
import ssl
from functools import cache
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import certifi

from flows.stores.certificates import own_certificates
from transforms.errors import ConfigError, DeliveryError
from transforms.monitor.messages import Message
from transforms.values.json_text import json_text

_URL = re.compile(
    r"https://[^/\s]+\S*|http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]\S*)?", re.ASCII | re.IGNORECASE
)
_TIMEOUT_SECONDS = 20

NO_ADDRESS = "The address of the webhook must begin with https:// and must not contain a space."


def is_webhook_url(url: str) -> bool:
    """Check whether a URL may be posted to: https, or http on this machine."""
    return _URL.fullmatch(url) is not None


def post(url: str, message: Message) -> None:
    """Post a message. Raises DeliveryError, which never shows the address, if it was not accepted."""
    if not is_webhook_url(url):
        raise DeliveryError(NO_ADDRESS)
    # Slack interprets only these three characters, as in <!channel>.
    text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = json_text({"text": text, **message.as_object()}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "recspend"}
    try:
        own = own_certificates()
    except ConfigError as error:
        raise DeliveryError(f"The webhook was not asked. {error}") from None
    try:
        opener = build_opener(HTTPSHandler(context=_trusted(own)), _NoRedirect())
        with opener.open(Request(url, body, headers), timeout=_TIMEOUT_SECONDS):  # noqa: S310 (is_webhook_url)
            return
    except HTTPError as error:
        error.close()
        reason = f"It responded with status {error.code}."
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        reason = f"It cannot be reached ({type(cause).__name__})."
    raise DeliveryError(
        f"The webhook did not accept the message. {reason} Check that its address is still valid."
    )


class _NoRedirect(HTTPRedirectHandler):
    """Send a message only to the given address."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Follow no redirect, so that 3xx is an error."""
        return None


@cache
def _trusted(own: Path | None) -> ssl.SSLContext:
    """Trust the system's certificates, a user's own and, because a slim system may have none, those of certifi."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if own is not None:
        context.load_verify_locations(capath=own) if own.is_dir() else context.load_verify_locations(own)
    return context
