"""The vendors' own Python clients, unmodified, read all pages of the emulator."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from flows.emulator import Account, Emulator, Parameters, open_ledger, serve
from flows.emulator.ledger.generator import recordings

pytestmark = pytest.mark.slow

PARAMETERS = Parameters(seed=1, recordings=2_500, accounts=2)
PAGE_SIZE = 100

# Each takes the base URL, the account sid and the token, and prints sid, price and currency of every recording.
TWILIO = """
import json, sys
from twilio.rest import Client
base_url, account_sid, token, page_size = sys.argv[1:]
client = Client(account_sid, token)
client.api.base_url = base_url
found = client.recordings.stream(page_size=int(page_size))
rows = [[recording.sid, recording.price, recording.price_unit] for recording in found]
json.dump(rows, sys.stdout, default=str)
"""
# The constructor accepts https only, so the base URL is replaced afterwards.
SIGNALWIRE = """
import json, sys
from urllib.parse import urlsplit
from signalwire.rest import Client
base_url, account_sid, token, page_size = sys.argv[1:]
client = Client(account_sid, token, signalwire_space_url=urlsplit(base_url).netloc)
client.api.base_url = base_url
found = client.recordings.stream(page_size=int(page_size))
rows = [[recording.sid, recording.price, recording.price_unit] for recording in found]
json.dump(rows, sys.stdout, default=str)
"""


def installed(requirement: str, folder: Path) -> Path:
    """Return the Python of a new virtual environment with the requirement. If installing fails, so does the test."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-3:])
        pytest.fail(f"pip could not install {requirement}; is the package index reachable?\n{last_lines}")
    return python


def listed(
    python: Path, script: str, emulator: Emulator, account: Account
) -> list[tuple[str, str | None, str | None]]:
    """Return sid, price and currency of every recording that the client streams."""
    done = subprocess.run(
        [python, "-c", script, emulator.base_url, account.account_sid, account.api_token, str(PAGE_SIZE)],
        env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout, parse_float=str)  # the digits as the client printed them
    return [(sid, price, currency) for sid, price, currency in rows]


def cost_by_currency(prices: Iterable[tuple[object, str | None]]) -> dict[str, Decimal]:
    """Add up the absolute prices by currency, each rounded to nine decimals."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for price, currency in prices:
        if price is not None:
            sums[(currency or "XXX").upper()] += abs(Decimal(str(price))).quantize(Decimal("1e-9"))
    return dict(sums)


@pytest.mark.parametrize(
    ("requirement", "script"),
    [("twilio==9.13.0", TWILIO), ("signalwire==2.1.1", SIGNALWIRE)],
    ids=["twilio", "signalwire"],
)
def test_vendor_client_streams_every_recording(requirement: str, script: str, tmp_path: Path) -> None:
    python = installed(requirement, tmp_path / "venv")
    ledger = open_ledger(PARAMETERS, tmp_path / "ledgers")
    cells = ledger.totals()["cells"]

    for index, account in enumerate(ledger.accounts):
        with serve(ledger) as emulator:
            found = listed(python, script, emulator, account)
            pages = [request for request in emulator.requests if request.status == 200]

        own_cells = [cell for cell in cells if cell["account_sid"] == account.account_sid]
        truth = list(recordings(PARAMETERS, index))
        assert len(found) == sum(cell["recordings"] for cell in own_cells) == PARAMETERS.share(index) > 0
        assert {sid for sid, _, _ in found} == {recording.sid for recording in truth}
        cost: defaultdict[str, Decimal] = defaultdict(Decimal)
        for cell in own_cells:
            if cell["cost"] is not None:
                cost[cell["currency"]] += Decimal(cell["cost"])
        assert cost_by_currency((price, currency) for _, price, currency in found) == cost
        assert sum(price is None for _, price, _ in found) == sum(
            recording.price is None for recording in truth
        )
        assert len(pages) == -(-len(found) // PAGE_SIZE)
