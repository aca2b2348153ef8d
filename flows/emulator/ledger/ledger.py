"""A recording, and how the API writes it.

A `Recording` is the truth. `render` writes it as the JSON text that the API would send.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from flows.emulator.ledger.forms import (
    CHANNELS_FORMS,
    COMMON,
    CURRENCY_FORMS,
    DATE_FORMS,
    DURATION_FORMS,
    ERROR_FORMS,
    PRICE_FORMS,
    SIGN_FORMS,
    SOURCE_FORMS,
    STATUS_FORMS,
    Forms,
)

ROOT = "/2010-04-01"
# The seven names in the API's documentation.
SOURCES = (
    *("DialVerb", "Conference", "OutboundAPI", "Trunking", "RecordVerb"),
    *("StartCallRecordingAPI", "StartConferenceRecording"),
)
CONFERENCE_SOURCES = frozenset({"Conference", "StartConferenceRecording"})


@dataclass(frozen=True, slots=True)
class Account:
    """One account. Its token is valid for this emulator only."""

    name: str
    account_sid: str
    api_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The truth about one recording. Times are whole epoch seconds, UTC.

    `sequence` numbers the recordings of one account, from 0 (the oldest) to below 2**32; account and sequence
    determine the sid. Sids consist of letters, digits and dashes. `price` is the absolute amount (its sign in a
    response depends on `forms`), None while unpriced, 0 if free. `currency` is in upper case. `duration_seconds` is
    the recorded time without pauses, so it can be less than `ended_at` minus `started_at` (seen in a real response).
    `increment` is the number of seconds in whose steps the account is billed; each started step counts.
    `media_url` is where the audio is; None, as for SignalWire, which does not send the field.
    """

    account_sid: str
    sequence: int
    created_at: int
    updated_at: int
    started_at: int | None
    ended_at: int | None
    call_sid: str | None
    conference_sid: str | None
    duration_seconds: int | None
    source: str
    channels: int
    status: str
    price: Decimal | None
    currency: str | None
    error_code: str | None = None
    media_url: str | None = None
    is_encrypted: bool = False
    increment: int = 60
    forms: Forms = COMMON

    @property
    def sid(self) -> str:
        """The recording's sid."""
        return recording_sid(self.account_sid, self.sequence)

    @property
    def billed_seconds(self) -> int:
        """The length that is billed; 0 while it is unknown."""
        return -(-(self.duration_seconds or 0) // self.increment) * self.increment

    @property
    def is_awaiting_price(self) -> bool:
        """Whether it has no price and may get one."""
        return waits_for_price(self.price, self.status)

    @property
    def kind(self) -> Literal["call", "conference"]:
        """What was recorded. Twilio's recording of a conference may also name a call: one of its legs."""
        is_conference = self.conference_sid is not None or self.source in CONFERENCE_SOURCES
        return "conference" if is_conference else "call"


def waits_for_price(price: Decimal | None, status: str) -> bool:
    """Return whether a recording has no price and may get one. Absent and failed ones never do (inferred)."""
    return price is None and status.lower() not in ("absent", "failed")


@lru_cache(maxsize=256)
def _account_hash(account_sid: str) -> blake2b:
    return blake2b(account_sid.encode(), digest_size=12)


def recording_sid(account_sid: str, sequence: int) -> str:
    """Return the sid of an account's recording, in the form of a UUID.

    It starts with the sequence, masked with the last digits of a hash; the rest is that hash. So the sequence can be
    computed from the sid without an index of all recordings.
    """
    digest = _account_hash(account_sid).copy()
    digest.update(sequence.to_bytes(8, "big"))
    text = digest.hexdigest()
    masked = sequence ^ int(text[16:], 16)
    return f"{masked:08x}-{text[:4]}-4{text[5:8]}-a{text[9:12]}-{text[12:]}"


def sequence_of_sid(account_sid: str, sid: str) -> int | None:
    """Return the sequence of the recording with this sid, None if the sid can't be one of this account."""
    try:
        sequence = int(sid[:8], 16) ^ int(sid[-8:], 16)
        return sequence if recording_sid(account_sid, sequence) == sid else None
    except (ValueError, OverflowError):
        return None


_quoted = lru_cache(maxsize=1024)(json.dumps)  # the same names occur over and over


def _date(form: str, epoch: int | None) -> str:
    return "null" if epoch is None else f'"{DATE_FORMS[form](epoch)}"'


def _parent(recording: Recording) -> str:
    form = recording.forms.uri
    if form == "call" and recording.call_sid is not None:
        return f"/Calls/{recording.call_sid}"
    if form == "conference" and recording.conference_sid is not None:
        return f"/Conferences/{recording.conference_sid}"
    return ""


def _media(recording: Recording) -> str:
    """Return the two members that only Twilio fills, if the recording has them."""
    url = "" if recording.media_url is None else f'"media_url":{json.dumps(recording.media_url)},'
    keys = {"type": "rsa-aes", "public_key_sid": "CR0f", "encrypted_cek": "MIIB", "iv": "8I2hhNIY"}
    return url + (f'"encryption_details":{json.dumps(keys)},' if recording.is_encrypted else "")


def render(recording: Recording, root: str = ROOT) -> bytes:
    """Write one recording as the API's JSON text, with every documented field, in the order of a real response.

    Prices are written as exact text and never converted to a float. The JSON is assembled by hand for speed, because
    this runs a million times; values that can contain any character go through the JSON encoder.
    """
    r, forms = recording, recording.forms
    sid = recording_sid(r.account_sid, r.sequence)
    account = f"{root}/Accounts/{r.account_sid}"
    call = "null" if r.call_sid is None else f'"{r.call_sid}"'
    conference = "null" if r.conference_sid is None else f'"{r.conference_sid}"'
    duration = "null" if r.duration_seconds is None else DURATION_FORMS[forms.duration](r.duration_seconds)
    sign = SIGN_FORMS[forms.sign] if r.price else ""
    price = "null" if r.price is None else PRICE_FORMS[forms.price](sign, r.price)
    currency = "null" if r.currency is None else _quoted(CURRENCY_FORMS[forms.currency](r.currency))
    return (
        f'{{"sid":"{sid}","api_version":"2010-04-01",{CHANNELS_FORMS[forms.channels](r.channels)},'
        f'"account_sid":"{r.account_sid}","call_sid":{call},"conference_sid":{conference},'
        f'"date_created":{_date(forms.created, r.created_at)},'
        f'"date_updated":{_date(forms.updated, r.updated_at)},'
        f'"duration":{duration},'
        f'"start_time":{_date(forms.started, r.started_at)},"end_time":{_date(forms.ended, r.ended_at)},'
        f'"error_code":{ERROR_FORMS[forms.error](r.error_code)},"price":{price},"price_unit":{currency},'
        f'"source":{_quoted(SOURCE_FORMS[forms.source](r.source))},'
        f'"status":{_quoted(STATUS_FORMS[forms.status](r.status))},'
        f'"uri":"{account}{_parent(r)}/Recordings/{sid}.json",'
        f"{_media(r)}"
        f'"subresource_uris":{{"transcriptions":"{account}/Recordings/{sid}/Transcriptions.json"}}}}'
    ).encode()
