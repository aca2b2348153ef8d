"""What a response may hold: not the token, wherever it is, and not more than a page can have."""

import gzip
import hashlib
import json
from datetime import date

import pytest

from flows.stores.api.client import ACCOUNTS, USAGE, RecordingsApi
from tests.support.samples.stores import ACCOUNT, HASTE, TOKEN, access
from tests.support.servers.scripted_server import Reply, page, refusal, scripted
from transforms.errors import ApiError, DataError, EndlessListError, RecspendError
from transforms.pages.bounds import MOST_BYTES, MOST_RECORDS
from transforms.settings.credentials import secret_forms

FORMS = [form.decode() for form in secret_forms(ACCOUNT, TOKEN)]


@pytest.mark.parametrize("form", FORMS)
def test_header_with_the_token_is_forgotten(form: str) -> None:
    headers = {"X-RateLimit-Key": f"key={form};", form: "1", "X-RateLimit-Limit": "600"}
    with scripted(Reply(body=page({"sid": "R"}), headers=headers)) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        api.newest()
    assert api.answered is not None
    assert api.answered.headers["x-ratelimit-limit"] == "600"
    assert form not in str(api.answered)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500, 418, 200])
def test_no_message_repeats_the_token(status: int, form: str) -> None:
    body = refusal(20003, f"bad {form}", status)
    headers = {"Location": f"https://example.com/{form}", "Retry-After": form, "WWW-Authenticate": form}
    with scripted(Reply(status, body, headers)) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        with pytest.raises(RecspendError) as caught:
            api.newest()
    assert form not in str(caught.value)
    assert form not in str(api.answered)


def test_endless_body_is_given_up_while_it_arrives() -> None:
    bomb = gzip.compress(b" " * (MOST_BYTES + (8 << 20)))
    with scripted(Reply(body=bomb, headers={"Content-Encoding": "gzip"})) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        with pytest.raises(
            DataError, match=r"a page that is not kept: it is larger than 64 MB\. Other days are read"
        ):
            api.newest()
    assert api.requests == 1


def test_oversized_page_is_identified_but_not_shown() -> None:
    body = json.dumps({"recordings": [0] * (MOST_RECORDS + 1), "next_page_uri": None}).encode()
    with scripted(Reply(body=body)) as server, pytest.raises(DataError) as caught:
        RecordingsApi(access(server.base_url), HASTE).newest()
    received = f"({len(body):,} bytes, sha256 {hashlib.sha256(body).hexdigest()}). Other days are read."
    assert f"it has 50,001 records, more than 50,000 {received}" in str(caught.value)


def test_long_refusal_is_not_read_to_its_end() -> None:
    long = json.dumps({"code": 20003, "message": "x" * (8 << 20)}).encode()
    with scripted(Reply(400, long)) as server, pytest.raises(ApiError) as caught:
        RecordingsApi(access(server.base_url), HASTE).newest()
    assert len(str(caught.value)) < 300


def endless(name: str) -> list[Reply]:
    """Return pages of a list without rows, each with a new cursor."""
    uri = "/2010-04-01/Accounts/A/Recordings.json?PageToken="
    return [
        Reply(body=json.dumps({name: [], "next_page_uri": f"{uri}{number}"}).encode())
        for number in range(150)
    ]


def test_probes_and_other_lists_end_too() -> None:
    with scripted(*endless("recordings")) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        for ask in (api.newest, lambda: api.exists_before(date(2026, 9, 1))):
            server.replies[:] = endless("recordings")
            with pytest.raises(EndlessListError, match="does not end"):
                ask()
    for name, listed in (("usage_records", USAGE), ("accounts", ACCOUNTS)):
        with scripted(*endless(name)) as server:
            api = RecordingsApi(access(server.base_url), HASTE)
            pager = api.accounts_pager()
            with pytest.raises(EndlessListError, match="does not end"):
                while pager.url is not None:
                    body, envelope = api.fetch(pager.url, listed)
                    pager.follow(len(body), envelope)
