"""What is known of an account's months: the landings that are in them, and what happened to the rows of each."""

import hashlib
from datetime import datetime

import msgspec


class FoundOddity(msgspec.Struct, frozen=True, array_like=True):
    """Something unexpected in a landing: kind, value, number of rows, and the sid and the text of one of them."""

    kind: str
    value: str
    rows: int
    sid: str = ""
    text: str = ""


class AppliedLanding(msgspec.Struct, frozen=True):
    """A landing that is in the lake, when its fetch ended (UTC), and what happened to its rows.

    rows = new + repeated + rejected + outside. new: seen for the first time. repeated: already known, or listed twice.
    rejected: not understood. outside: created outside the landing's window.
    """

    landing: str
    completed_at: datetime
    pages: int = 0
    rows: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0
    outside: int = 0
    oddities: list[FoundOddity] = []


class LakeState(msgspec.Struct):
    """The content of an account's months: the landings applied to them, and the row count of each month (YYYY-MM).

    months is None while a landing is being applied; applying it again is harmless. sha256: of the rest;
    only in the file.
    """

    applied: list[AppliedLanding] = []
    months: dict[str, int] | None = None
    format: int = 1
    sha256: str = ""


def encoded(state: LakeState) -> bytes:
    """Encode a state, with its digest."""
    return msgspec.json.encode(msgspec.structs.replace(state, sha256=_digest(state)))


def decoded(content: bytes) -> LakeState | None:
    """Decode a state; None if it is not what was encoded. An older recspend added no digest."""
    try:
        state = msgspec.json.decode(content, type=LakeState)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    found, state.sha256 = state.sha256, ""
    return state if found in ("", _digest(state)) else None


def _digest(state: LakeState) -> str:
    return hashlib.sha256(msgspec.json.encode(state)).hexdigest()
