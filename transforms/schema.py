"""The dictionary of columns: what each name means, in which unit, and how the lake stores it.

The Arrow schema of the lake, the `.yml` twins of the models, the comments in the warehouse and the map in
`data/README.md` all repeat these descriptions, and a test fails if any of them differs.
"""

from dataclasses import dataclass

import pyarrow as pa

from transforms.values.dates import INSTANT
from transforms.values.money import PRICE

SOURCES = (
    "DialVerb",
    "Conference",
    "OutboundAPI",
    "Trunking",
    "RecordVerb",
    "StartCallRecordingAPI",
    "StartConferenceRecording",
)
"""The seven documented ways to make a recording."""

NO_AUDIO_STATUSES = ("absent", "failed")
"""Statuses of recordings without audio: too short, silent or failed. They are not stored, and never get a price
(inferred: the documentation has no price for them). One that has a price anyway keeps it."""

STATUSES = frozenset(
    "queued in-progress paused resumed completed absent stopped processing deleted failed".split()
)
"""Every documented status of either vendor, in lower case."""

DELETED = "deleted"
"""The status of a recording whose audio is gone. Twilio lists it for 40 days, if asked to (documented)."""

UNKNOWN = "unknown"
"""The value of `source` and `status` when the API sends none."""

NO_CURRENCY = "XXX"
"""ISO 4217's code for "no currency involved"; used when the API sends no currency."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the lake: its Arrow type, whether it may be null, its description, and its unit, if any."""

    name: str
    type: pa.DataType
    nullable: bool
    words: str
    unit: str = ""


# What the API says about a recording.
CONTENT_COLUMNS = (
    Column("recording_sid", pa.string(), False, "The recording's own identifier."),
    Column("account_sid", pa.string(), False, "The account (project) that made the recording and pays for it."),
    Column("call_sid", pa.string(), True, "The call that was recorded, or a leg of the conference that was; null when the API names none."),
    Column("conference_sid", pa.string(), True, "The conference that was recorded; null for a call recording."),
    Column("source", pa.string(), False, "How the recording was made: one of the seven documented names, or another name exactly as sent."),
    Column("source_raw", pa.string(), True, "How the recording was made, as the API spelled it."),
    Column("status", pa.string(), False, "Status of the recording, in lower case."),
    Column("channels", pa.int8(), True, "Audio channels: 1 or 2; null when the API gives no valid number.", "channels"),
    Column("duration_seconds", pa.int32(), True, "Length of the recording; null until known. Not the end minus the start.", "seconds"),
    Column("price", PRICE, True, "Price as sent, sign kept; null = not priced yet, 0 = free.", "currency"),
    Column("price_raw", pa.string(), True, "The price as text, exactly as in the JSON.", "currency"),
    Column("currency", pa.string(), False, "ISO 4217 code in upper case; XXX when the API gives none."),
    Column("created_at", INSTANT, False, "When the recording was created.", "UTC"),
    Column("updated_at", INSTANT, False, "When the API last changed the recording; created_at when it does not say.", "UTC"),
    Column("started_at", INSTANT, True, "When the recording began.", "UTC"),
    Column("ended_at", INSTANT, True, "When the recording ended; Twilio does not give it.", "UTC"),
    Column("error_code", pa.string(), True, "Why a recording failed, e.g. 16101 too short, 16102 silent."),
    Column("uri", pa.string(), False, "Path of the recording under the API's host; empty when the API gives none."),
    Column("media_location", pa.string(), True, "Where the audio is stored: vendor, or external (the customer's own storage, by the host of media_url); null when the API gives no media_url, as SignalWire, whose audio it stores itself."),
    Column("is_encrypted", pa.bool_(), True, "Whether the API sent encryption details; null when it does not say."),
)  # fmt: skip

# What recspend itself recorded about it: when it saw the recording, and on which page.
SIGHTING_COLUMNS = (
    Column("first_seen_at", INSTANT, True, "When recspend first saw the recording.", "UTC"),
    Column("first_priced_at", INSTANT, True, "When recspend first saw a price for it.", "UTC"),
    Column("deleted_at", INSTANT, True, "When recspend first found it gone from the API or listed as deleted; its cost stays.", "UTC"),
    Column("raw_page", pa.string(), False, "Landing and page of this version, relative to the data folder."),
)  # fmt: skip

LAKE_COLUMNS = CONTENT_COLUMNS + SIGHTING_COLUMNS


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.type, column.nullable) for column in columns])


LAKE_SCHEMA = _schema(LAKE_COLUMNS)
"""Columns of a lake file, in order. Key: recording_sid."""

CONTENT_NAMES = tuple(column.name for column in CONTENT_COLUMNS)

REJECT_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("recording_sid", pa.string()),
        pa.field("created_at", INSTANT),
        pa.field("record_key", pa.string(), nullable=False),
        pa.field("window_first", pa.date32(), nullable=False),
        pa.field("window_last", pa.date32(), nullable=False),
        pa.field("raw_page", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""A record that cannot be understood: its page, its position there (from 0), the field, and the reason.

record_key identifies a record across fetches: its sid, or else a digest of its content. window_first and window_last
(days in UTC, inclusive) are the window that was being fetched.
"""

MODEL_WORDS = {
    "account_name": ("Name of the account: from the settings, or else the reference file, or else its sid.", ""),
    "usage_date": ("Day of created_at in the reporting time zone.", "day"),
    "month": ("First day of the month of usage_date.", "day"),
    "billed_minutes": ("Minutes; each recording is rounded up to the billing increment of its account, by default a full minute.", "minutes"),
    "priced_minutes": ("The part of billed_minutes that belongs to priced recordings.", "minutes"),
    "unpriced_minutes": ("The part of billed_minutes that belongs to recordings that still wait for a price.", "minutes"),
    "price_per_minute": ("What a billed minute should cost.", "currency per minute"),
    "cost": ("What was charged: the size of price, or less than 0 for a credit; null while nothing has a price.", "currency"),
    "expected_cost": ("An estimate: cost, plus the likely cost of minutes without a price and of the days to come; null when nothing is known.", "currency"),
    "unestimated_minutes": ("Minutes without a price that are not in the estimate, because no rate is known for them.", "minutes"),
    "cost_per_minute": ("Cost of recordings with minutes, divided by priced_minutes; null without priced minutes.", "currency per minute"),
    "cost_without_minutes": ("The part of cost of recordings without minutes, because their length is 0 or not known.", "currency"),
    "unestimated_recordings": ("Recordings that wait for a price and are not in the estimate, because their length or a rate for them is not known.", "recordings"),
    "credits": ("How much cost is lower because of credits, where the account's setting credits is net.", "currency"),
    "is_credit": ("Whether its price is a credit: of the other sign than the account's charges, where the setting credits is net. Its cost is negative.", ""),
    "unmeasured_recordings": ("How many of unpriced_recordings have no known length.", "recordings"),
    "is_running": ("Whether the month is not over yet on the newest day read.", ""),
    "call_kind": ("What was recorded: call, conference, or unknown when the API names neither.", ""),
    "is_short": ("Whether the known length is below the setting short_recording_seconds.", ""),
    "rate": ("What a billed minute of the recording cost, to six decimals; null without a price or minutes.", "currency per minute"),
    "has_no_audio": ("Whether it is absent or failed: there is nothing to store, and no price to wait for.", ""),
    "is_awaiting_price": ("Whether it has no price and may still get one: it is neither absent nor failed.", ""),
    "is_stored": ("Whether the vendor stored audio of it, now or before: it has audio, and not in the customer's own storage.", ""),
    "is_priced": ("Whether the API has given a price (0 is a price).", ""),
    "duration_seconds": ("Sum of the known lengths.", "seconds"),
    "recordings": ("Number of recordings, with or without a price, including deleted ones.", "recordings"),
    "unpriced_recordings": ("How many of them still wait for a price. Absent and failed ones never get one, so they are not counted.", "recordings"),
}  # fmt: skip
"""Description and unit of the columns that only the models have."""
