"""The settings in the small groups that are passed to stages and stores."""

from collections.abc import Mapping
from dataclasses import fields

from flows.settings.accounts import account_credits, account_increments, account_providers, with_usage
from flows.settings.settings import Settings
from flows.stores.api.retries import RetryPolicy
from transforms.ingest.request import Rules
from transforms.model.options import ModelOptions


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return how long to wait for the API, and how often to retry."""
    return RetryPolicy(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        page_timeout=settings.page_timeout,
        attempts=settings.attempts,
        backoff=settings.backoff,
    )


def rules(settings: Settings, audit_days: int = 0) -> Rules:
    """Return the rules for which days a run reads again."""
    return Rules(
        lookback_days=settings.lookback_days,
        settle_days=settings.settle_days,
        audit_days=audit_days,
        audit_requests=settings.audit_requests,
        settle_each_run_days=settings.settle_each_run_days,
        settle_daily_days=settings.settle_daily_days,
    )


def model_options(settings: Settings, names: Mapping[str, str]) -> ModelOptions:
    """Return what the models depend on besides the data. names: account sid → name."""
    by_name = ({field.name for field in fields(ModelOptions)} & Settings.model_fields.keys()) - {"credits"}
    return ModelOptions(
        names=names,
        providers=account_providers(settings),
        credits=account_credits(settings),
        billing_increments=account_increments(settings),
        with_usage=with_usage(settings),
        **{name: getattr(settings, name) for name in by_name},
    )
