"""Settings of what is read from the API, how often and how fast."""

from pydantic import BaseModel, Field

from flows.stores.api.retries import RetryPolicy
from transforms.ingest.request import IngestRequest, Rules

# Defaults are defined once, in the stages and stores that use them.
_RETRIES, _RULES, _INGEST = RetryPolicy(), Rules(), IngestRequest()


class ReadingSettings(BaseModel):
    """Which days a run reads, and how it asks for them."""

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
    settle_each_run_days: int = Field(
        default=_RULES.settle_each_run_days,
        ge=0,
        le=3650,
        description="how many days each run reads such a day again; later it is read once a day",
    )
    settle_daily_days: int = Field(
        default=_RULES.settle_daily_days,
        ge=0,
        le=3650,
        description="how many days such a day is read again once a day; later it is read once a week",
    )
    audit_requests: int = Field(
        default=_RULES.audit_requests,
        ge=0,
        le=10_000,
        description="with about how many requests per account a run looks for deletions on old days; 0: with none",
    )
    usage_records: bool = Field(
        default=_INGEST.usage, description="whether Twilio's Usage Records are read, for comparison"
    )
    accounts_at_once: int = Field(
        default=32,
        ge=1,
        le=128,
        description="how many accounts are read at once, each with its own connections",
    )
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
