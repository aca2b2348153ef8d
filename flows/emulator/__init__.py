"""A faithful local emulator of the Recordings list API of SignalWire and Twilio, with its own totals.

It uses the standard library only and shares nothing with the rest of the project, so that it cannot share its
mistakes. `open_ledger` (made-up recordings), `open_recordings` (recordings made by hand) and `open_replay`
(captured pages) each give a `Source`; `serve` and `serve_until_stopped` serve one, with faults if wanted.
"""

from flows.emulator.api import open_ledger, open_recordings
from flows.emulator.faults import FAULTS
from flows.emulator.forms import COMMON, FORMS, Forms
from flows.emulator.generator import Parameters
from flows.emulator.ledger import SOURCES, Account, Recording, render
from flows.emulator.messages import Source
from flows.emulator.replay import open_replay
from flows.emulator.server import Asked, Emulator, serve, serve_until_stopped
from flows.emulator.totals import TotalsObject, totals_of

__all__ = [
    "COMMON",
    "FAULTS",
    "FORMS",
    "SOURCES",
    "Account",
    "Asked",
    "Emulator",
    "Forms",
    "Parameters",
    "Recording",
    "Source",
    "TotalsObject",
    "open_ledger",
    "open_recordings",
    "open_replay",
    "render",
    "serve",
    "serve_until_stopped",
    "totals_of",
]
