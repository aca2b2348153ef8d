import json
from collections.abc import Callable, Iterator
from itertools import islice
from time import monotonic
from typing import Any
from unittest.mock import patch

import pytest

from flows.emulator import Account, Emulator, LivingSource, Parameters, open_living, serve
from flows.emulator.faults import hostile_faults
from flows.emulator.server import wire
from tests.support.servers.emulator_client import fetch_pages, get, list_path


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    sizes: dict[str, Any] = {
        "DEEP_LEVELS": 50,
        "LONG_CHARACTERS": 1_000,
        "MANY_RECORDS": 500,
        "ENDLESS_BYTES": 3 << 20,
    }
    with patch.multiple(hostile_faults, **sizes), patch.object(wire, "TRICKLE_SECONDS", 0.001):
        yield


@pytest.fixture
def source() -> LivingSource:
    return open_living(Parameters(seed=2, recordings=100, accounts=1))


def pages_of(running: Emulator, number: int) -> list[list[dict[str, object]]]:
    (account,) = running.accounts
    return [page["recordings"] for page in islice(fetch_pages(running, account, "PageSize=10"), number)]


@pytest.mark.parametrize("name", ["endless-empty", "endless-repeat", "endless-outside", "endless-rows"])
def test_list_has_no_end(name: str, source: LivingSource) -> None:
    with serve(source) as running:
        (first,) = pages_of(running, 1)
    with serve(source, faults=[name]) as running:
        pages = pages_of(running, 30)
    assert (len(pages), pages[0]) == (30, first)
    later = pages[1:]
    sids = {row["sid"] for page in later for row in page}
    if name == "endless-empty":
        assert later == [[]] * 29
    elif name == "endless-repeat":
        assert later == [first] * 29
    else:
        assert len(sids) == 290
        years = {"1999" in str(row["date_created"]) for page in later for row in page}
        assert years == {name == "endless-outside"}


def body_of(running: Emulator) -> bytes:
    (account,) = running.accounts
    return bytes(get(running, f"{list_path(account)}?PageSize=10", account).body)


def test_contents_are_changed_once_for_an_account(source: LivingSource) -> None:
    with serve(source) as running:
        plain = body_of(running)
    rows = json.loads(plain)["recordings"]
    checks: dict[str, Callable[[Any], bool]] = {
        "deep-json": lambda found: (str(found[0].pop("extra")).count("["), found) == (50, rows),
        "long-text": lambda found: (len(found), len(found[-1]["source"])) == (11, 1_000),
        "many-records": lambda found: found == rows * 50,
        "control-characters": lambda found: "\x1b[2J" in found[-1]["date_created"] and found[:-1] == rows,
    }
    for name, check in checks.items():
        with serve(source, faults=[name]) as running:
            assert check(json.loads(body_of(running))["recordings"]), name
            assert body_of(running) == plain


@pytest.mark.slow
def test_responses_nobody_could_hold(source: LivingSource) -> None:
    with serve(source) as running:
        plain = body_of(running)
    with serve(source, faults=["endless-body"]) as running:
        assert body_of(running) == b" " * (3 << 20)
    with serve(source, faults=["trickle"]) as running:
        began = monotonic()
        assert body_of(running) == plain
        assert monotonic() - began > len(plain) * 0.001


def test_header_repeats_the_token(source: LivingSource) -> None:
    with serve(source, faults=["token-in-header"]) as running:
        account: Account = running.accounts[0]
        reply = get(running, list_path(account), account)
    assert reply.headers["X-RateLimit-Key"] == account.api_token
