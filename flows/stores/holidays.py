"""Public holidays, from the library `holidays`, which is not part of the base install."""

from collections.abc import Iterable
from datetime import date

from transforms.errors import ConfigError


def public_holidays(place: str, years: Iterable[int]) -> dict[date, str]:
    """Return the public holidays of these years with their names in English, where the library knows them.

    place: an ISO 3166 code: DE for a country, DE-BY for a subdivision with holidays of its own.

    Raises ConfigError if the library is not installed or does not know the place.
    """
    try:
        from holidays import country_holidays  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "The library of holidays is not installed. Run `pip install 'recspend[holidays]'`, or write "
            "reference/holidays.csv by hand."
        ) from None
    country, _, subdivision = place.upper().partition("-")
    try:
        found = country_holidays(country, subdiv=subdivision or None, years=list(years), language="en_US")
    except NotImplementedError as error:
        raise ConfigError(f"{error}. Use ISO 3166 codes, such as DE or DE-BY.") from None
    return dict(sorted(found.items()))
