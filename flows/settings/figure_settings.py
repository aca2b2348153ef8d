"""Settings of what the figures mean, and of when a check warns."""

from decimal import Decimal
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, Field, field_validator

from transforms.ingest.request import Rules
from transforms.model.options import LARGE, ModelOptions

# Defaults are defined once, in the stages that use them.
DEFAULTS = ModelOptions(settle_days=Rules().settle_days)


class FigureSettings(BaseModel):
    """What the models depend on besides the data and the accounts."""

    reporting_timezone: str = Field(
        default=DEFAULTS.reporting_timezone,
        description="time zone of the days in tables (`usage_date`), such as Europe/Berlin",
    )
    embed_recordings: bool | Literal["auto"] = Field(
        default=DEFAULTS.embed_recordings,
        description="whether `fct_recordings` stores the recordings; if not, it is a view on the lake; `auto`: a view "
        f"from {LARGE:,} recordings on",
    )
    unpriced_share_warning: Decimal = Field(
        default=DEFAULTS.unpriced_share_warning,
        ge=0,
        le=1,
        description="a check warns when a larger share of the recordings than this waits for a price",
    )
    rejected_share_failure: Decimal = Field(
        default=DEFAULTS.rejected_share_failure,
        ge=0,
        le=1,
        description="a check fails when a larger share of the records than this could not be understood",
    )
    audit_warning_days: int = Field(
        default=DEFAULTS.audit_warning_days,
        ge=1,
        le=3650,
        description="a check warns when stored recordings were last looked for longer ago than this many days",
    )
    short_recording_seconds: int = Field(
        default=DEFAULTS.short_recording_seconds,
        ge=0,
        le=3600,
        description="a recording shorter than this many seconds counts as short",
    )
    accrual_rate_days: int = Field(
        default=DEFAULTS.accrual_rate_days,
        ge=1,
        le=3650,
        description="missing prices are estimated at the rate of the newest three days with a price, of this many days",
    )
    bill_tolerance_amount: Decimal = Field(
        default=DEFAULTS.bill_tolerance_amount,
        ge=0,
        lt=10**9,
        description="how far a bill may differ, in its currency",
    )
    bill_tolerance_share: Decimal = Field(
        default=DEFAULTS.bill_tolerance_share,
        ge=0,
        le=1,
        description="or as a share of what it charges; also of its minutes and recordings",
    )
    bill_tolerance_minutes: Decimal = Field(
        default=DEFAULTS.bill_tolerance_minutes,
        ge=0,
        lt=10**9,
        description="how many minutes a bill may differ, whatever they cost",
    )
    bill_tolerance_recordings: int = Field(
        default=DEFAULTS.bill_tolerance_recordings,
        ge=0,
        lt=10**9,
        description="how many recordings a bill may differ, whatever they cost",
    )
    anomaly_window_days: int = Field(
        default=DEFAULTS.anomaly_window_days,
        ge=28,
        le=730,
        description="how many days before a day define what is usual for it",
    )
    anomaly_deviations: Decimal = Field(
        default=DEFAULTS.anomaly_deviations,
        gt=0,
        le=1000,
        description="how many times the usual deviation makes a day an anomaly",
    )
    anomaly_min_share: Decimal = Field(
        default=DEFAULTS.anomaly_min_share,
        ge=0,
        le=1,
        description="a difference below this share of the median is not an anomaly",
    )

    @field_validator("reporting_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone; use a name such as UTC or Europe/Berlin")
        return value
