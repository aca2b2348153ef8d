"""Who is told of findings: is the secret of each channel there, and its program?"""

from collections.abc import Iterator

from flows.channels import channels
from flows.doctor.finding import Finding
from flows.lanes import utc_now
from flows.settings import Settings
from transforms.errors import ConfigError
from transforms.findings import KINDS


def channels_seen(settings: Settings) -> Iterator[Finding]:
    """A channel each. Sends nothing: `recspend notify --test` does."""
    found = channels(settings, utc_now)
    if not found:
        words = "nobody is told of failures, holes or budgets; [[notify]] in recspend.toml names who is to be"
        yield Finding("channels", "ok", words)
    for channel in found:
        of = "" if channel.kinds == set(KINDS) else f" of {', '.join(sorted(channel.kinds))}"
        facts = {"kinds": sorted(channel.kinds)}
        try:
            words = f"{channel.ready()} is told{of}; `recspend notify --test` tries it"
        except ConfigError as error:
            yield Finding(f"channel {channel.name}", "broken", str(error), facts)
            continue
        yield Finding(f"channel {channel.name}", "ok", words, facts)
