import pytest

from flows.stores.api.pager import Pager
from transforms.errors import ApiError

FIRST = "https://example.signalwire.com/api/laml/2010-04-01/Accounts/A/Recordings.json?PageSize=1000"


def test_pager_begins_at_the_first_url() -> None:
    assert Pager(FIRST).url == FIRST


def test_pager_ends_on_null() -> None:
    pager = Pager(FIRST)
    pager.advance(None)
    assert pager.url is None


def test_relative_uri_is_followed_as_given() -> None:
    pager = Pager(FIRST)
    pager.advance("/2010-04-01/Accounts/A/Recordings?Page=1&PageSize=50&PageToken=PA%2F1&DateCreated%3E=x")
    assert (
        pager.url
        == "https://example.signalwire.com/2010-04-01/Accounts/A/Recordings?Page=1&PageSize=50&PageToken=PA%2F1"
        "&DateCreated%3E=x"
    )
    pager.advance("/2010-04-01/Accounts/A/Recordings?Page=2&PageSize=50&PageToken=PA2")
    assert pager.url.endswith("Page=2&PageSize=50&PageToken=PA2")


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.signalwire.com/next",
        "HTTPS://EXAMPLE.SignalWire.com/next",
        "//example.signalwire.com/next",
    ],
)
def test_absolute_uri_on_the_same_host_is_followed(uri: str) -> None:
    pager = Pager(FIRST)
    pager.advance(uri)
    assert (pager.url or "").lower() == "https://example.signalwire.com/next"


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example.com/next",
        "//other.example.com/next",
        "/\t/other.example.com/next",
        "https://example.signalwire.com@other.example.com/next",
        "//example.signalwire.com@other.example.com/next",
        "https://example.signalwire.com:443@other.example.com/next",
        "https://user:word@other.example.com/next",
        "https://example.signalwire.com\\@other.example.com:8443/next",
        "https://other.example.com\\@example.signalwire.com/next",
        "https://example.signalwire.com.other.example.com/next",
        "https://signalwire.com/next",
        "https://example.signalwire.com:8443/next",
        "http://example.signalwire.com/next",
        "ftp://example.signalwire.com/next",
        "file:///next",
        "javascript:next",
        "data:application/json,{}",
        "https:\\\\other.example.com/next",
        "\\\\other.example.com/next",
        "/\\other.example.com/next",
        "http:/example.signalwire.com/next",
        " https://other.example.com/next",
        "\x00https://other.example.com/next",
        "https://\u0435\u0445ample.signalwire.com/next",
        "https://example.signalwire.com:port/next",
        "https://[::1/next",
        "//[next",
        "https://[other]/next",
        "https://user:other@example.signalwire.com/next",
        "https://other@example.signalwire.com/next",
    ],
)
def test_uri_with_another_host_port_or_scheme_is_refused(uri: str) -> None:
    pager = Pager(FIRST)
    with pytest.raises(
        ApiError, match=r"leads to another host and is not followed\. Check the base URL"
    ) as raised:
        pager.advance(uri)
    assert not raised.value.retryable
    assert pager.url == FIRST
    assert "other" not in str(raised.value).replace("another", "")


@pytest.mark.parametrize(
    "uri", ["///other.example.com/next", "https:/other.example.com/next", "https:other.example.com/next"]
)
def test_uri_that_only_looks_like_another_host_is_followed(uri: str) -> None:
    pager = Pager(FIRST)
    pager.advance(uri)
    assert (pager.url or "").startswith("https://example.signalwire.com/")


@pytest.mark.parametrize(
    "uris",
    [
        [FIRST],
        [""],
        ["/api/laml/2010-04-01/Accounts/A/Recordings.json?PageSize=1000"],
        ["/next", "/next"],
        ["/next", "https://example.signalwire.com/next"],
        ["/1", "/2", "/3", "/1"],
    ],
)
def test_repeated_page_is_an_error(uris: list[str]) -> None:
    pager = Pager(FIRST)
    for uri in uris[:-1]:
        pager.advance(uri)
    before = pager.url
    with pytest.raises(ApiError, match=r"was already fetched.*what has landed is kept") as raised:
        pager.advance(uris[-1])
    assert raised.value.retryable
    assert pager.url == before


def test_pager_can_continue_after_an_error() -> None:
    pager = Pager(FIRST)
    with pytest.raises(ApiError):
        pager.advance("https://other.example.com/next")
    pager.advance("/next")
    assert pager.url == "https://example.signalwire.com/next"
