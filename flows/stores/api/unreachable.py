"""Why an API cannot be reached: its name, its certificate, a proxy, a closed port, or something that may pass.

What cannot heal is an error at once. A name that is not found, or a closed port, may heal when the API answered before,
because then its address is right; it is tried again, but not for minutes.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.exceptions import ProxyError as Urllib3ProxyError

from flows.stores.api.access import AccountAccess
from flows.stores.api.responses import TransientError
from transforms.errors import ApiError
from transforms.settings.credentials import without_credentials

_FEW_ATTEMPTS = 3
_SOME_ATTEMPTS = 5
_NOT_FOUND = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_KEPT = "then run again; what has landed is kept."
# What OpenSSL says of a server that does not speak TLS.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")


def unreachable(error: Exception, access: AccountAccess, *, is_known: bool) -> Exception:
    """Turn an error of the HTTP library into an ApiError, or a TransientError if trying again may help.

    is_known: whether the API answered before, so that its address is right.
    """
    causes = list(_causes(error))
    why = _proxy(causes, access) or _certificate(causes, access) or _address(causes, access)
    if why is not None:
        return ApiError(f"Account {access.name}: {why}")
    is_proxy = _is_about_proxy(causes)
    there = f"the proxy {_proxy_of(access)}" if is_proxy else access.base_url
    check = "HTTPS_PROXY" if is_proxy else "the base URL"
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            name = urlsplit(there.removeprefix("the proxy ")).hostname
            if cause.errno in _NOT_FOUND and not is_known:
                return ApiError(f"Account {access.name}: the name {name} is not found (DNS). Check {check}.")
            words = f"the name {name} was not found (DNS) in {{attempts}} attempts. Check {check} and the network, "
            words += _KEPT
            return TransientError(
                "name not found", words, most_attempts=_SOME_ATTEMPTS if is_known else _FEW_ATTEMPTS
            )
        if isinstance(cause, ConnectionRefusedError):
            words = f"{there} refuses the connection. Check {check} and its port, {_KEPT}"
            return TransientError(
                "connection refused", words, most_attempts=None if is_known else _FEW_ATTEMPTS
            )
    name = type(error).__name__
    return TransientError(name, f"{there} cannot be reached ({name}). Check {check} and the network, {_KEPT}")


def _address(causes: list[BaseException], access: AccountAccess) -> str | None:
    """Say what is wrong with an address that no request can be sent to."""
    for cause in causes:
        if isinstance(cause, requests.exceptions.InvalidURL | LocationParseError):
            return f"{access.base_url} cannot be reached ({type(cause).__name__}). Check the base URL."
        if isinstance(cause, requests.exceptions.InvalidSchema):
            return f"{access.base_url} cannot be reached: {cause}. Check the base URL and HTTPS_PROXY."
    return None


def _is_about_proxy(causes: list[BaseException]) -> bool:
    return any(isinstance(cause, Urllib3ProxyError | requests.exceptions.ProxyError) for cause in causes)


def _proxy(causes: list[BaseException], access: AccountAccess) -> str | None:
    """Say why the proxy does not let the request through; None if that is not it, or may pass."""
    if any(isinstance(cause, requests.exceptions.InvalidProxyURL) for cause in causes):
        return "the address of the proxy is not valid. Write HTTPS_PROXY like http://host:port."
    tunnel = next((match for cause in causes if (match := _TUNNEL.search(str(cause)))), None)
    if not _is_about_proxy(causes) or tunnel is None or not tunnel[1].startswith("4"):
        return None
    proxy, status = f"the proxy {_proxy_of(access)}", tunnel[1]
    if status == "407":
        return f"{proxy} asks for a user and a password (407). Write HTTPS_PROXY like http://user:password@host:port."
    return (
        f"{proxy} does not allow {access.base_url} ({status}). Ask the person who runs it, or set NO_PROXY."
    )


def _proxy_of(access: AccountAccess) -> str:
    """Return the address of the proxy without its user and password."""
    proxy = select_proxy(access.base_url, get_environ_proxies(access.base_url)) or ""
    return without_credentials(proxy if "//" in proxy else f"http://{proxy}")


def _certificate(causes: list[BaseException], access: AccountAccess) -> str | None:
    """Say what is wrong with the certificate or with TLS; None if that is not it, or may pass."""
    failure = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    host = urlsplit(access.base_url).netloc
    if isinstance(failure, ssl.SSLCertVerificationError):
        reason = failure.verify_message.rstrip(".")
        if "ostname mismatch" in reason or "IP address mismatch" in reason:
            return f"the certificate of {host} is for another host ({reason}). Check the base URL."
        return (
            f"the certificate of {host} is not trusted ({reason}). If a proxy inspects your traffic, set SSL_CERT_FILE "
            "or REQUESTS_CA_BUNDLE to the file with its certificate; if the certificate has expired, check this "
            "machine's clock."
        )
    if failure is not None and failure.reason in _NOT_TLS:
        return f"{host} does not speak TLS. Check the host and the port of the base URL."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that led to it; libraries wrap errors in several ways."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        wrapped = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [each for each in wrapped if isinstance(each, BaseException)]
