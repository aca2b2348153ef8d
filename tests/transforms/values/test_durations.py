from datetime import timedelta

import pytest

from transforms.errors import ConfigError
from transforms.values.durations import duration, in_words


@pytest.mark.parametrize(
    ("text", "hours"),
    [("26h", 26), ("2d", 48), ("90m", 1.5), ("1w", 168), ("1d12h", 36), (" 36H ", 36), ("7200s", 2)],
)
def test_duration_is_numbers_with_units(text: str, hours: float) -> None:
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "26", "h", "0h", "-2h", "1.5h", "26 h", "2y", "26h!", "\u0661h", "9999999h", "1h\n2"]
)
def test_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a duration\. Write it like 26h, 2d or 90m"):
        duration(text)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0.5, "0 min"),
        (59, "59 min"),
        (60, "1 h"),
        (65, "1 h 5 min"),
        (-90, "1 h 30 min"),
        (1440, "1 d"),
        (3005, "2 d 2 h"),
    ],
)
def test_duration_in_words(minutes: float, words: str) -> None:
    assert in_words(timedelta(minutes=minutes)) == words
