"""Every setting, read once at the edge of the program and passed on as values.

Precedence: command line, environment (`RECSPEND_…`), then `recspend.toml` in the working directory (or the file that
`RECSPEND_CONFIG` names), which uses the same names in lower case without the prefix. Tokens are never in that file: it
says where they are.
"""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator
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
from flows.settings.figure_settings import DEFAULTS, FigureSettings
from flows.settings.reading_settings import ReadingSettings
from flows.stores.folder.private_files import Readers
from flows.stores.warehouse.memory import LARGEST_MB, SMALLEST_MB

_BUCKET = re.compile(r"(s3|gs|az)://[^\s@?#]+")


class _Access(BaseModel):
    """Where everything is kept, and which accounts are read."""

    data_dir: Path = Field(default=Path("data"), description="the folder where everything is kept")
    lake_url: str = Field(
        default="",
        description="a bucket that holds all of it, for several machines (s3://…, gs://…, az://…); default: the folder",
        examples=["s3://your-bucket/recspend"],
    )
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
        default=DEFAULTS.billing_increment_seconds,
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

    @field_validator("lake_url")
    @classmethod
    def _bucket(cls, value: str) -> str:
        if value and not _BUCKET.fullmatch(value):
            raise ValueError(
                "must be s3://…, gs://… or az://… without a key; the cloud's own variables have the credentials"
            )
        return value


class Settings(FigureSettings, ReadingSettings, _Access, BaseSettings):
    """All settings, in the order in which the pages list them. Secrets are `SecretStr`, shown as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="RECSPEND_", env_ignore_empty=True, extra="forbid", hide_input_in_errors=True
    )

    report_page: bool = Field(default=True, description="whether `report.html` is written")
    memory_limit_mb: int | None = Field(
        default=None,
        ge=64,
        description="how much memory DuckDB may use, in MB; the rest goes to disk; default: a quarter of what the "
        f"machine or the container has, from {SMALLEST_MB} to {LARGEST_MB}",
        examples=[1024],
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="how many cores a run uses; default: all that the process may use, by its affinity and its control "
        "groups",
        examples=[4],
    )
    readable_by: Readers = Field(
        default="owner",
        description="who may read what is written: `owner`, or also the folder's `group`; never others",
        examples=["group"],
    )
    pack_after_days: int = Field(
        default=7,
        ge=1,
        le=3650,
        description="how many days after they were read the raw pages of a month that is over are packed into one file",
    )
    raw_keep: str = Field(
        default="all",
        pattern=r"^(all|latest|[1-9]\d{0,3} days)$",
        description="which raw pages are kept: `all`; `latest`: none of days that were read again later, to the last "
        "page; or those for some more days, such as `90 days`; after that, the lake cannot be rebuilt from raw pages",
        examples=["90 days"],
    )
    metrics_file: Path = Field(default=Path("metrics.prom"), description="for Prometheus; in the data folder")

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
