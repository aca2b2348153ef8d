"""What the models depend on besides the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

LARGE = 20_000_000
"""From how many recordings on the warehouse only has a view of them: a copy takes longer to write than all else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What the models depend on besides the data.

    names, providers, credits, billing_increments: by account sid, from the settings. provider,
    billing_increment_seconds: for accounts that are not in the settings. with_usage: sids of the accounts whose Usage
    Records are read. embed_recordings: auto is false from LARGE on.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    provider: str = "signalwire"
    credits: Mapping[str, str] = field(default_factory=dict)
    billing_increments: Mapping[str, int] = field(default_factory=dict)
    billing_increment_seconds: int = 60
    reporting_timezone: str = "UTC"
    unpriced_share_warning: Decimal = Decimal("0.1")
    rejected_share_failure: Decimal = Decimal("0.5")
    short_recording_seconds: int = 5
    settle_days: int
    audit_warning_days: int = 35
    accrual_rate_days: int = 30
    bill_tolerance_amount: Decimal = Decimal("0.01")
    bill_tolerance_share: Decimal = Decimal(0)
    bill_tolerance_minutes: Decimal = Decimal(5)
    bill_tolerance_recordings: int = 1
    with_usage: frozenset[str] = frozenset()
    anomaly_window_days: int = 56
    anomaly_deviations: Decimal = Decimal("4.5")
    anomaly_min_share: Decimal = Decimal("0.25")
    embed_recordings: bool | Literal["auto"] = "auto"
