import sys
from datetime import date

import pytest

from flows.stores.holidays import public_holidays
from transforms.errors import ConfigError


def test_holidays_are_those_of_the_country_or_subdivision() -> None:
    pytest.importorskip("holidays")
    country, bavaria = public_holidays("de", [2026]), public_holidays("DE-BY", [2026])
    # Epiphany is a holiday in Bavaria and two other states only (German law of the states).
    assert date(2026, 1, 6) not in country
    assert bavaria[date(2026, 1, 6)] == "Epiphany"
    assert country[date(2026, 12, 25)] == bavaria[date(2026, 12, 25)] == "Christmas Day"
    assert {day.year for day in public_holidays("DE", [2025, 2026])} == {2025, 2026}


@pytest.mark.parametrize("place", ["XX", "DE-QQ", "-BY"])
def test_unknown_place_is_refused(place: str) -> None:
    pytest.importorskip("holidays")
    with pytest.raises(ConfigError, match="Use ISO 3166 codes, such as DE or DE-BY"):
        public_holidays(place, [2026])


def test_missing_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ConfigError, match=r"pip install 'recspend\[holidays\]'"):
        public_holidays("DE", [2026])
