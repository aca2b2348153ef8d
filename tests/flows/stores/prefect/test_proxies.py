"""Requests to this machine bypass every proxy, and existing exceptions are kept."""

import os
from urllib.request import proxy_bypass

import pytest
from requests.utils import get_environ_proxies

from flows.stores.prefect.proxies import past_proxies


@pytest.mark.parametrize(
    ("given", "outside"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "intra.example, 10.0.0.1"}, "intra.example,10.0.0.1,127.0.0.1,localhost"),
        (
            {"no_proxy": "intra.example", "NO_PROXY": "other.example"},
            "intra.example,other.example,127.0.0.1,localhost",
        ),
        ({"no_proxy": "localhost"}, "localhost,127.0.0.1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_requests_to_this_machine_bypass_every_proxy(
    given: dict[str, str], outside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    monkeypatch.setattr(os, "environ", {**untouched, "HTTP_PROXY": PROXY, **given})
    for _ in range(2):
        os.environ.update(past_proxies(os.environ))
        assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (outside, outside)
    for host in ("127.0.0.1:4200", "localhost:4200"):
        assert get_environ_proxies(f"http://{host}/api", None) == {}
        assert proxy_bypass(host)
    assert bool(proxy_bypass("prefect.example")) is (outside == "*")


def test_past_proxies_leaves_the_environment_as_it_is() -> None:
    given = {"no_proxy": "intra.example"}
    assert past_proxies(given) == dict.fromkeys(("no_proxy", "NO_PROXY"), "intra.example,127.0.0.1,localhost")
    assert given == {"no_proxy": "intra.example"}


PROXY = "http://127.0.0.1:9"
