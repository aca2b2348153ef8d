"""Filter reports by month and account, or explain why there are no such rows."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from transforms.errors import ConfigError
from transforms.model.ddl import quoted

_MOST_LISTED = 12
_TOGETHER = frozenset({"marts.months_read"})
"""Tables with rows for each account and, with a null account, for all together."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A filter on the rows of the marts: by month (its first day), by account (its sid), or none."""

    month: date | None = None
    account_sid: str | None = None

    def select(
        self,
        sql: str,
        columns: Collection[str],
        month_from: Sequence[str],
        reads: Mapping[str, Collection[str]],
    ) -> str | None:
        """Return the SELECT with the filter applied; None if it cannot be filtered like this.

        columns: its columns. month_from: those with its month, as in a twin. reads: full name → columns of the tables
        it reads. If the SELECT has no account column but all the tables it reads have one, those tables are filtered
        instead.
        """
        conditions = []
        if self.account_sid is not None:
            of_account = f"account_sid = {quoted(self.account_sid)}"
            if "account_sid" in columns:
                conditions.append(of_account)
            elif reads and all("account_sid" in of_table for of_table in reads.values()):
                names = "|".join(map(re.escape, reads))
                sql = re.sub(rf"\b(?:{names})\b", lambda name: _of_one(name[0], of_account), sql)
            else:
                return None
        if self.month is not None:
            if not month_from:
                return None
            first, last = month_from[0], month_from[-1]  # a span of days counts if it overlaps the month
            conditions.append(f"{first} <= last_day(date '{self.month}') and {last} >= date '{self.month}'")
        return f"select * from (\n{sql}\n) where {' and '.join(conditions)}" if conditions else sql  # noqa: S608


def _of_one(table: str, of_account: str) -> str:
    """Return the rows of an account; where a null account means all together, the account takes their place."""
    columns = "* replace (null as account_sid)" if table in _TOGETHER else "*"
    return f"(select {columns} from {table} where {of_account})"  # noqa: S608


def month_among(months: Iterable[date], month: date) -> date:
    """Return the month if it is one of these. Raises ConfigError with the known months."""
    known = [f"{each:%Y-%m}" for each in sorted(set(months))]
    requested = f"{month:%Y-%m}"
    if requested in known:
        return month
    if len(known) > _MOST_LISTED:
        known = [f"{known[0]} to {known[-1]}"]
    available = (
        f"Available: {', '.join(known)}."
        if known
        else "No month has been read yet; run `recspend run` first."
    )
    raise ConfigError(f"There is no data for {requested}. {available}")
