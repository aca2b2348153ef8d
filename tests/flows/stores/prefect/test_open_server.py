"""Whether a server answers everybody, and whether it refuses a login."""

import pytest
from httpx import ConnectError, HTTPStatusError, Request, Response

from flows.stores.prefect.open_server import answers_anybody
from flows.stores.prefect.refusals import is_refused_login
from tests.support.servers.answering import answering


@pytest.mark.parametrize(
    ("status", "is_open"), [(200, True), (401, False), (403, False), (404, False), (302, False)]
)
def test_open_server_is_one_that_answers_without_a_login(
    status: int, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "user:login")
    with answering(status, headers={"Location": "/elsewhere"}) as (place, asked):
        assert answers_anybody(f"http://user:login@{place}/api/?key=x") is is_open
    assert asked == [("/api/admin/version", None)]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/api", "no address", "http://[::1", "http://127.0.0.1:99999/api"]
)
def test_server_that_does_not_respond_is_not_called_open(url: str) -> None:
    assert not answers_anybody(url)


def refusal(status: int) -> HTTPStatusError:
    asked = Request("GET", "http://127.0.0.1:4200/api")
    return HTTPStatusError("no", request=asked, response=Response(status, request=asked))


def test_refused_login_is_recognised_in_what_it_caused() -> None:
    assert is_refused_login(refusal(401))
    assert is_refused_login(refusal(403))
    assert not is_refused_login(refusal(500))
    assert not is_refused_login(ConnectError("no"))
    caused = RuntimeError("could not start")
    caused.__cause__ = refusal(401)
    assert is_refused_login(caused)
