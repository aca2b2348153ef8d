"""Durations as people write them: 26h, 2d, 90m."""

import re
from datetime import timedelta

from transforms.errors import ConfigError

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"(\d{1,6})([wdhms])", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def duration(text: str) -> timedelta:
    """Parse a duration: numbers with a unit, w, d, h, m (minutes) or s, such as 26h or 1d12h.

    Raises:
        ConfigError: The text is not a duration, or the duration is zero.
    """
    given = text.strip().lower()
    if _WHOLE.fullmatch(given):
        found = sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in _PART.findall(given)), timedelta())
        if found:
            return found
    raise ConfigError(f"{text!r} is not a duration. Write it like 26h, 2d or 90m.")


def in_words(length: timedelta) -> str:
    """Format a duration in its two largest units: 1 d 2 h. Less than a minute is 0 min."""
    minutes = int(abs(length).total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d", f"{hours} h"] if days else [f"{hours} h", f"{minutes} min"]
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 min"
