"""Check the notification channels: the secret or program that each one needs."""

from collections.abc import Iterator

from flows.monitor.channels import channels
from flows.monitor.doctor.finding import Diagnosis
from flows.settings.settings import Settings
from flows.stage import utc_now
from transforms.errors import ConfigError
from transforms.monitor.findings import KINDS


def channels_seen(settings: Settings) -> Iterator[Diagnosis]:
    """Check each channel. Sends nothing; `recspend notify --test` does."""
    found = channels(settings, utc_now)
    if not found:
        words = (
            "nobody is notified of failures, gaps or budgets; to change that, add [[notify]] to recspend.toml"
        )
        yield Diagnosis("channels", "ok", words)
    for channel in found:
        of = "" if channel.kinds == set(KINDS) else f" of {', '.join(sorted(channel.kinds))}"
        facts = {"kinds": sorted(channel.kinds)}
        try:
            words = f"{channel.ready()} is notified{of}; `recspend notify --test` sends a test message"
        except ConfigError as error:
            yield Diagnosis(f"channel {channel.name}", "fail", str(error), facts)
            continue
        yield Diagnosis(f"channel {channel.name}", "ok", words, facts)
