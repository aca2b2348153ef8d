"""A faithful local emulator of the Recordings list API of SignalWire and Twilio, with its own totals.

It uses the standard library only and shares nothing with the rest of the project, so that it cannot share its
mistakes. `open_ledger` (made-up recordings), `open_recordings` (recordings made by hand), `open_living` (either, and
they change) and `open_replay` (captured pages) each give a `Source`; `serve` and `serve_until_stopped` serve one, in
any dialect, with faults if wanted.
"""

from flows.emulator.faults.faults import FAULTS
from flows.emulator.faults.ledger_faults import LEDGER_FAULTS
from flows.emulator.http.messages import Source
from flows.emulator.http.queries import DIALECTS
from flows.emulator.ledger.forms import COMMON, FORMS, Forms
from flows.emulator.ledger.generator import Parameters
from flows.emulator.ledger.ledger import SOURCES, Account, Recording, render
from flows.emulator.ledger.living import LivingLedger, Standing
from flows.emulator.ledger.totals import TotalsObject, totals_of
from flows.emulator.resources.api import LivingSource, open_ledger, open_living, open_recordings
from flows.emulator.resources.replay import open_replay
from flows.emulator.server.server import Emulator, serve, serve_until_stopped, totals_at_start
from flows.emulator.server.wire import AskedUrl

__all__ = [
    "COMMON",
    "DIALECTS",
    "FAULTS",
    "FORMS",
    "LEDGER_FAULTS",
    "SOURCES",
    "Account",
    "AskedUrl",
    "Emulator",
    "Forms",
    "LivingLedger",
    "LivingSource",
    "Parameters",
    "Recording",
    "Source",
    "Standing",
    "TotalsObject",
    "open_ledger",
    "open_living",
    "open_recordings",
    "open_replay",
    "render",
    "serve",
    "serve_until_stopped",
    "totals_at_start",
    "totals_of",
]
