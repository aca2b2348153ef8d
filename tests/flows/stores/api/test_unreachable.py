"""Why the API cannot be reached: told apart, and tried again only if that may help."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.stores.api.client import RecordingsApi
from flows.stores.api.throttle import Throttle
from tests.support.samples.stores import HASTE, access
from tests.support.servers.receivers import encrypting
from tests.support.servers.scripted_server import Reply, page, scripted
from transforms.errors import ApiError, ConfigError

WHOLE = page({"sid": "R"})
MANY = replace(HASTE, attempts=9)
PATIENT = "then run again; what has landed is kept."


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def failing(base_url: str, throttle: Throttle | None = None) -> tuple[str, int]:
    """Fetch a page, which must fail; return the message without the account, and how many requests were sent."""
    api = RecordingsApi(access(base_url), MANY, throttle)
    with pytest.raises(ApiError) as raised:
        api.newest()
    return str(raised.value).removeprefix("Account support: "), api.requests


def known() -> Throttle:
    """Return the throttle of an account whose API answered before."""
    throttle = Throttle()
    throttle.answered()
    return throttle


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Return a function that makes every look-up of a name fail with an error, and collects the names."""

    def fail_with(number: int) -> list[str]:
        names: list[str] = []

        def getaddrinfo(host: str, *_: object, **__: object) -> None:
            names.append(host)
            raise socket.gaierror(number, "no")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return names

    return fail_with


def test_unknown_name_is_an_error_at_once(resolving: Callable[[int], list[str]]) -> None:
    names = resolving(socket.EAI_NONAME)
    assert failing("https://wrong.signalwire.com") == (
        "the name wrong.signalwire.com is not found (DNS). Check the base URL.",
        1,
    )
    assert names == ["wrong.signalwire.com"]


@pytest.mark.parametrize(
    ("number", "throttle", "attempts"),
    [
        (socket.EAI_AGAIN, None, 3),
        (socket.EAI_AGAIN, known(), 5),
        (socket.EAI_NONAME, known(), 5),
    ],
)
def test_name_that_may_be_found_later_is_tried_briefly(
    number: int, throttle: Throttle | None, attempts: int, resolving: Callable[[int], list[str]]
) -> None:
    resolving(number)
    assert failing("https://example.signalwire.com", throttle) == (
        f"the name example.signalwire.com was not found (DNS) in {attempts} attempts. Check the base URL and the "
        f"network, {PATIENT}",
        attempts,
    )


def test_refused_connection_is_tried_briefly_at_first() -> None:
    with scripted(listening=False) as server:
        words, requests = failing(server.base_url)
        assert (words, requests) == (
            f"{server.base_url} refuses the connection. Check the base URL and its port, {PATIENT}",
            3,
        )
        # A server that answered before may only be starting again.
        assert failing(server.base_url, known())[1] == 9


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[ssl.SSLContext]:
    yield encrypting(tmp_path)


def test_untrusted_certificate_is_an_error_at_once(tls: ssl.SSLContext) -> None:
    with scripted(Reply(body=WHOLE), tls=tls) as server:
        words, requests = failing(f"https://{server.netloc}")
        assert server.asked == []
    assert requests == 1
    assert words.startswith(
        f"the certificate of {server.netloc} is not trusted (self-signed certificate). If a proxy"
    )
    assert "set SSL_CERT_FILE or REQUESTS_CA_BUNDLE" in words


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_own_certificate_is_trusted(
    name: str, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "certificate.pem"))
    with scripted(Reply(body=WHOLE), tls=tls) as server:
        RecordingsApi(access(f"https://{server.netloc}"), HASTE).newest()
        assert len(server.asked) == 1
        # It is for this address only.
        words, requests = failing(f"https://localhost:{server.server_address[1]}")
    assert requests == 1
    assert (
        f"the certificate of localhost:{server.server_address[1]} is for another host (Hostname mismatch"
        in words
    )
    assert words.endswith("Check the base URL.")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_unusable_certificate_file_names_its_variable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        monkeypatch.setenv(name, str(path))
        with pytest.raises(ConfigError, match=f"^{name} names {path}, which is not a file of certificates"):
            RecordingsApi(access("https://example.signalwire.com"), HASTE)
        (tmp_path / "empty.pem").write_text("")


def test_server_without_tls_is_an_error_at_once() -> None:
    with scripted(Reply(body=WHOLE)) as server:
        assert failing(f"https://{server.netloc}") == (
            f"{server.netloc} does not speak TLS. Check the host and the port of the base URL.",
            1,
        )


@pytest.mark.parametrize(
    ("status", "words", "attempts"),
    [
        (
            407,
            "asks for a user and a password (407). Write HTTPS_PROXY like http://user:password@host:port.",
            1,
        ),
        (403, "does not allow https://api.twilio.com (403). Ask the person who runs it, or set NO_PROXY.", 1),
        (503, f"cannot be reached (ProxyError). Check HTTPS_PROXY and the network, {PATIENT}", 9),
    ],
)
def test_proxy_that_refuses_is_told_apart(
    status: int, words: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(Reply(status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:word@{proxy.netloc}")
        assert failing("https://api.twilio.com") == (f"the proxy {proxy.base_url} {words}", attempts)
        assert {asked.target for asked in proxy.asked} == {"api.twilio.com:443"}


def test_proxy_out_of_reach_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, resolving: Callable[[int], list[str]]
) -> None:
    with scripted(listening=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url)
        assert failing("https://api.twilio.com") == (
            f"the proxy {proxy.base_url} refuses the connection. Check HTTPS_PROXY and its port, {PATIENT}",
            3,
        )
    resolving(socket.EAI_NONAME)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert failing("https://api.twilio.com") == (
        "the name proxy.example is not found (DNS). Check HTTPS_PROXY.",
        1,
    )
