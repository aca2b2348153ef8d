"""A ledger of three accounts, for runs that share a folder or a bucket."""

from collections.abc import Iterator

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    ledger = open_ledger(Parameters(5, 600, 3), tmp_path_factory.mktemp("rendered"))
    with serve(ledger) as found:
        yield found
