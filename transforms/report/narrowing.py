"""Reports of one month, one account or some marts: which rows these are, and what to say when there are none."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from transforms.errors import ConfigError

_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which rows of the marts are asked for: of one month (its first day), of one account (its sid), or all."""

    month: date | None = None
    account_sid: str | None = None

    def select(
        self,
        sql: str,
        columns: Collection[str],
        month_from: Sequence[str],
        reads: Mapping[str, Collection[str]],
    ) -> str | None:
        """Return the SELECT with the rows asked for alone; None when that cannot be said of it.

        columns: those of its rows. month_from: which of them say its month, as in a twin. reads: full name → columns of
        the tables it reads. A SELECT without accounts is made of the rows of the account in the tables that it reads,
        when all of these have accounts.
        """
        conditions = []
        if self.account_sid is not None:
            of_account = f"account_sid = {_quoted(self.account_sid)}"
            if "account_sid" in columns:
                conditions.append(of_account)
            elif reads and all("account_sid" in of_table for of_table in reads.values()):
                names = "|".join(map(re.escape, reads))
                of_account = f" where {of_account})"
                sql = re.sub(rf"\b(?:{names})\b", lambda name: f"(select * from {name[0]}{of_account}", sql)  # noqa: S608
            else:
                return None
        if self.month is not None:
            if not month_from:
                return None
            first, last = month_from[0], month_from[-1]  # a span of days counts when it touches the month
            conditions.append(f"{first} <= last_day(date '{self.month}') and {last} >= date '{self.month}'")
        return f"select * from (\n{sql}\n) where {' and '.join(conditions)}" if conditions else sql  # noqa: S608


def month_among(months: Iterable[date], month: date) -> date:
    """Return the month, when it is one of these. Raises ConfigError naming them."""
    known = [f"{each:%Y-%m}" for each in sorted(set(months))]
    asked = f"{month:%Y-%m}"
    if asked in known:
        return month
    if len(known) > _MOST_LISTED:
        known = [f"{known[0]} to {known[-1]}"]
    there_are = (
        f"There are {', '.join(known)}." if known else "No month was read yet; run `recspend run` first."
    )
    raise ConfigError(f"Nothing is known of {asked}. {there_are}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
