"""Emulate the Recordings list API of SignalWire and Twilio on this machine, and compute the expected totals.

The emulator uses the standard library only and shares no code with the rest of the project, so that both cannot make
the same mistake. `open_ledger` (generated recordings), `open_recordings` (given recordings), `open_living` (either, and
they change over time) and `open_replay` (captured pages) each return a `Source`. `serve` and `serve_until_stopped`
serve one, in any dialect and with any faults.
"""

from flows.emulator.faults.faults import FAULTS
from flows.emulator.faults.late_changes import LEDGER_FAULTS
from flows.emulator.http.messages import Source
from flows.emulator.http.queries import DIALECTS
from flows.emulator.ledger.forms import COMMON, FORMS, Forms
from flows.emulator.ledger.generator import Parameters
from flows.emulator.ledger.ledger import SOURCES, Account, Recording, render
from flows.emulator.ledger.living import LivingLedger, RecordingState
from flows.emulator.ledger.totals import TotalsObject, totals_of
from flows.emulator.resources.api import LivingSource, open_ledger, open_living, open_recordings
from flows.emulator.resources.replay import open_replay
from flows.emulator.server.server import Emulator, serve, serve_until_stopped, totals_at_start
from flows.emulator.server.wire import LoggedRequest

__all__ = [
    "COMMON",
    "DIALECTS",
    "FAULTS",
    "FORMS",
    "LEDGER_FAULTS",
    "SOURCES",
    "Account",
    "Emulator",
    "Forms",
    "LivingLedger",
    "LivingSource",
    "LoggedRequest",
    "Parameters",
    "Recording",
    "RecordingState",
    "Source",
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
