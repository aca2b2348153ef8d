"""Every setting, read once at the edge of the program and passed on as values.

Precedence: command line, environment (`RECSPEND_…`), then `recspend.toml` in the working directory (or the file that
`RECSPEND_CONFIG` names), which uses the same names in lower case without the prefix. Tokens are never in that file: it
says where they are.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flows.settings.account_settings import (
    CREDITS_MEANING,
    LONGEST_INCREMENT,
    AccountSettings,
    Credits,
    Provider,
)
from flows.settings.channel_settings import Channels
from flows.settings.config_file import read_file
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.private_files import Readers
from flows.stores.warehouse.memory import LARGEST_MB, SMALLEST_MB
from transforms.ingest.request import IngestRequest, Rules
from transforms.model.options import ModelOptions

# Defaults are defined once, in the stages and stores that use them.
_RETRIES, _RULES, _INGEST = RetryPolicy(), Rules(), IngestRequest()
_MODELS = ModelOptions(settle_days=_RULES.settle_days)


class Settings(BaseSettings):
    """All settings. Secrets are `SecretStr`, shown as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="RECSPEND_", env_ignore_empty=True, extra="forbid", hide_input_in_errors=True
    )

    data_dir: Path = Field(default=Path("data"), description="the folder where everything is kept")
    base_url: str | None = Field(
        default=None, description="scheme and host of the API", examples=["https://example.signalwire.com"]
    )
    account_sid: str | None = Field(
        default=None, description="the account (project)", examples=["your-project-id"]
    )
    account_name: str | None = Field(
        default=None, description="its name in tables and messages; default: the sid", examples=["support"]
    )
    api_token: SecretStr | None = Field(default=None, description="the token, from the environment only")
    token_file: Path | None = Field(
        default=None, description="instead of the variable: a file that holds only the token"
    )
    token_block: str | None = Field(
        default=None, description="instead of the variable: the Prefect Secret block that holds the token"
    )
    api_user: str | None = Field(
        default=None,
        description="HTTP Basic user, when the token is an API key's secret: the key's sid; default: the account sid",
        examples=["your-api-key-sid"],
    )
    provider: Provider = Field(default="signalwire", description="the provider whose API is used")
    credits: Credits = Field(default="count", description=CREDITS_MEANING)
    billing_increment_seconds: int = Field(
        default=_MODELS.billing_increment_seconds,
        ge=1,
        le=LONGEST_INCREMENT,
        description="a recording is billed in steps of this many seconds, as the contract says; a started one counts",
    )
    accounts: list[AccountSettings] = Field(
        default_factory=list, description="several accounts, one entry each"
    )
    notify: Channels = Field(
        default_factory=list, description="channels that are notified of what a run found, one entry each"
    )
    reporting_timezone: str = Field(
        default=_MODELS.reporting_timezone,
        description="time zone of the days in tables (`usage_date`), such as Europe/Berlin",
    )
    embed_recordings: bool = Field(
        default=_MODELS.embed_recordings,
        description="whether `fct_recordings` stores the recordings; if not, it is a view on the lake",
    )
    unpriced_share_warning: Decimal = Field(
        default=_MODELS.unpriced_share_warning,
        ge=0,
        le=1,
        description="a check warns when a larger share of the recordings than this waits for a price",
    )
    rejected_share_failure: Decimal = Field(
        default=_MODELS.rejected_share_failure,
        ge=0,
        le=1,
        description="a check fails when a larger share of the records than this could not be understood",
    )
    lookback_days: int = Field(
        default=_RULES.lookback_days,
        ge=0,
        le=3650,
        description="how many of the newest days, including today, each run reads again",
    )
    settle_days: int = Field(
        default=_RULES.settle_days,
        ge=0,
        le=3650,
        description="how many days a day is read again while a price is missing or a recording is unfinished",
    )
    audit_requests: int = Field(
        default=_RULES.audit_requests,
        ge=0,
        le=10_000,
        description="with about how many requests per account a run looks for deletions on old days; 0: with none",
    )
    audit_warning_days: int = Field(
        default=_MODELS.audit_warning_days,
        ge=1,
        le=3650,
        description="a check warns when stored recordings were last looked for longer ago than this many days",
    )
    short_recording_seconds: int = Field(
        default=_MODELS.short_recording_seconds,
        ge=0,
        le=3600,
        description="a recording shorter than this many seconds counts as short",
    )
    accrual_rate_days: int = Field(
        default=_MODELS.accrual_rate_days,
        ge=1,
        le=3650,
        description="missing prices are estimated at the rate of the newest three days with a price, of this many days",
    )
    report_page: bool = Field(default=True, description="whether `report.html` is written")
    usage_records: bool = Field(
        default=_INGEST.usage, description="whether Twilio's Usage Records are read, for comparison"
    )
    bill_tolerance_amount: Decimal = Field(
        default=_MODELS.bill_tolerance_amount,
        ge=0,
        lt=10**9,
        description="how far a bill may differ, in its currency",
    )
    bill_tolerance_share: Decimal = Field(
        default=_MODELS.bill_tolerance_share,
        ge=0,
        le=1,
        description="or as a share of what it charges; also of its minutes and recordings",
    )
    bill_tolerance_minutes: Decimal = Field(
        default=_MODELS.bill_tolerance_minutes,
        ge=0,
        lt=10**9,
        description="how many minutes a bill may differ, whatever they cost",
    )
    bill_tolerance_recordings: int = Field(
        default=_MODELS.bill_tolerance_recordings,
        ge=0,
        lt=10**9,
        description="how many recordings a bill may differ, whatever they cost",
    )
    anomaly_window_days: int = Field(
        default=_MODELS.anomaly_window_days,
        ge=28,
        le=730,
        description="how many days before a day define what is usual for it",
    )
    anomaly_deviations: Decimal = Field(
        default=_MODELS.anomaly_deviations,
        gt=0,
        le=1000,
        description="how many times the usual deviation makes a day an anomaly",
    )
    anomaly_min_share: Decimal = Field(
        default=_MODELS.anomaly_min_share,
        ge=0,
        le=1,
        description="a difference below this share of the median is not an anomaly",
    )
    memory_limit_mb: int | None = Field(
        default=None,
        ge=64,
        description="how much memory DuckDB may use, in MB; the rest goes to disk; default: a quarter of what the "
        f"machine or the container has, from {SMALLEST_MB} to {LARGEST_MB}",
        examples=[1024],
    )
    readable_by: Readers = Field(
        default="owner",
        description="who may read what is written: `owner`, or also the folder's `group`; never others",
        examples=["group"],
    )
    metrics_file: Path = Field(default=Path("metrics.prom"), description="for Prometheus; in the data folder")
    concurrency: int = Field(
        default=_INGEST.concurrency,
        ge=1,
        le=64,
        description="how many windows of an account are read at once",
    )
    connect_timeout: float = Field(
        default=_RETRIES.connect_timeout, gt=0, description="seconds to wait for a connection"
    )
    read_timeout: float = Field(
        default=_RETRIES.read_timeout, gt=0, description="seconds to wait for the next part of a response"
    )
    page_timeout: float = Field(
        default=_RETRIES.page_timeout, gt=0, description="seconds to wait for a whole response"
    )
    max_pages_per_window: int = Field(
        default=_INGEST.limits.pages,
        ge=100,
        description="from this many pages on, the list of a window is endless",
    )
    attempts: int = Field(
        default=_RETRIES.attempts, ge=1, le=50, description="how often a failing request is sent in total"
    )
    backoff: float = Field(
        default=_RETRIES.backoff, ge=0, description="seconds before the second attempt; doubles each time"
    )

    @field_validator("reporting_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone; use a name such as UTC or Europe/Berlin")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: the command line (`init`), then the environment, then the settings file."""
        return init_settings, env_settings, _FileSource(settings_cls)


class _FileSource(PydanticBaseSettingsSource):
    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return read_file()
