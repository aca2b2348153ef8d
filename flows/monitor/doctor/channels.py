"""Who is told of findings: is the secret of each channel there, and its program?"""

from collections.abc import Iterator

from flows.monitor.channels import channels
from flows.monitor.doctor.finding import Diagnosis
from flows.settings.settings import Settings
from flows.stage import utc_now
from transforms.errors import ConfigError
from transforms.monitor.findings import KINDS


def channels_seen(settings: Settings) -> Iterator[Diagnosis]:
    """A channel each. Sends nothing: `recspend notify --test` does."""
    found = channels(settings, utc_now)
    if not found:
        words = "nobody is told of failures, holes or budgets; [[notify]] in recspend.toml names who is to be"
        yield Diagnosis("channels", "ok", words)
    for channel in found:
        of = "" if channel.kinds == set(KINDS) else f" of {', '.join(sorted(channel.kinds))}"
        facts = {"kinds": sorted(channel.kinds)}
        try:
            words = f"{channel.ready()} is told{of}; `recspend notify --test` tries it"
        except ConfigError as error:
            yield Diagnosis(f"channel {channel.name}", "broken", str(error), facts)
            continue
        yield Diagnosis(f"channel {channel.name}", "ok", words, facts)
