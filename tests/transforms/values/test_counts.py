import pytest

from transforms.values.counts import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 days were"), (1, "1 day was"), (2, "2 days were"), (1200, "1,200 days were")],
)
def test_counted_words_fit_the_number(number: int, text: str) -> None:
    assert counted(number, "day was", "days were") == text
