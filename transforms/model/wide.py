"""Wide models: those that read single recordings. They are built for each part of the lake by itself.

New recordings change few parts. The union of all parts is the whole, because a wide model is keyed by account and by
something that belongs to one UTC month.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from transforms.model.models import FACT, Check, Model, references

LAKE = "landed.recordings"
"""The table of all recordings as the lake has them."""

SMALL_FILE = 200_000
"""Bytes of a file of the lake below which opening it takes longer than reading it."""

PART_BYTES = 32_000_000
"""About how many bytes of Parquet a part has, some 300,000 recordings. An account's month is never divided."""


@dataclass(frozen=True, slots=True)
class Month:
    """The files of an account and month (YYYY-MM) in the lake, and how many bytes they have."""

    account_sid: str
    month: str
    files: tuple[Path, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some months of some accounts. The name says which; it stays as long as they are not too large for one part."""

    name: str
    months: tuple[Month, ...] = field(hash=False)

    @property
    def files(self) -> list[Path]:
        """All files of the part."""
        return [file for month in self.months for file in month.files]

    @property
    def bytes(self) -> int:
        """How many bytes they have."""
        return _bytes(self.months)

    @property
    def is_scattered(self) -> bool:
        """Whether it has several files, most of them small."""
        return len(self.files) > 1 and self.bytes < SMALL_FILE * len(self.files)


@dataclass(frozen=True, slots=True)
class Batch:
    """Wide models that are built together, and what that takes.

    singles: the models of single recordings that they read, in build order. given: the other tables they and the checks
    read. checks: name of a check → those of its statements that are made of each part by itself.
    """

    wide: Sequence[Model]
    singles: Sequence[Model]
    given: Sequence[str]
    checks: Mapping[str, Sequence[str]]

    @property
    def text(self) -> str:
        """All SQL of the batch."""
        statements = (statement for each in self.checks.values() for statement in each)
        return "\n".join([*(model.sql for model in (*self.singles, *self.wide)), *statements])

    def mentioned(self, columns: Iterable[str]) -> list[str]:
        """Return the columns whose names are in the SQL: no others can have an effect."""
        words = set(re.findall(r"\w+", self.text))
        return [column for column in columns if column in words]


def parts(months: Iterable[Month]) -> list[Part]:
    """Divide a lake into parts: what is too large for one part is divided by year, then by month, then by account.

    New recordings change the parts of their months only, and older parts keep their names. The accounts of a month fall
    into 2, 4, … parts by a hash of their sid.
    """
    everything = sorted(months, key=attrgetter("month", "account_sid"))
    if _bytes(everything) <= PART_BYTES:
        return [Part("all", tuple(everything))] if everything else []
    found = []
    for year, of_year in groupby(everything, key=lambda each: each.month[:4]):
        in_year = tuple(of_year)
        if _bytes(in_year) <= PART_BYTES:
            found.append(Part(year, in_year))
            continue
        for month, of_month in groupby(in_year, key=attrgetter("month")):
            found += _by_account(month, tuple(of_month))
    return found


def _by_account(month: str, months: tuple[Month, ...]) -> list[Part]:
    count = 1
    while count < len(months) and _bytes(months) > count * PART_BYTES:
        count *= 2
    if count == 1:
        return [Part(month, months)]
    divided: list[list[Month]] = [[] for _ in range(count)]
    for each in months:
        divided[_hash(each.account_sid) % count].append(each)
    return [Part(f"{month}-{n}-of-{count}", tuple(each)) for n, each in enumerate(divided, 1) if each]


def _bytes(months: Iterable[Month]) -> int:
    return sum(month.bytes for month in months)


def _hash(account_sid: str) -> int:
    return int.from_bytes(hashlib.sha256(account_sid.encode()).digest()[:8], "big")


def singles(models: Iterable[Model]) -> list[str]:
    """Return the names of the models with a row for each recording; they are not wide themselves."""
    return [model.name for model in models if model.twin.key == ["recording_sid"] and not model.twin.wide]


def batch(
    wide: Sequence[Model],
    order: Sequence[Model],
    known: Collection[str],
    checks: Mapping[str, Sequence[str]],
) -> Batch:
    """Return the batch of these wide models.

    order: all models, each after those it reads. known: the full names of all tables. checks: as in Batch.

    Raises ModelError if a model is not SQL.
    """
    single = set(singles(order))
    needed = {name for model in wide for name in _read(model)} & single
    chosen = []
    for model in reversed(order):
        if model.name in needed:
            chosen.append(model)
            needed |= _read(model) & single
    chosen.reverse()
    own = {LAKE, *(model.name for model in (*wide, *chosen))}
    read = {name for model in (*wide, *chosen) for name in _read(model)}
    read |= {name for each in checks.values() for sql in each for name in known if is_read(name, sql)}
    return Batch(tuple(wide), tuple(chosen), sorted(read - own), checks)


def by_parts(check: Check, statement: str, wide: Iterable[str], *, is_fact_a_view: bool) -> bool:
    """Return whether a statement of a check is made of each part by itself.

    That is one of a check that says so, or one that compares a wide model with the recordings if the warehouse does not
    store them.
    """
    if check.by_parts:
        return True
    return is_fact_a_view and is_read(FACT, statement) and any(is_read(name, statement) for name in wide)


def is_read(name: str, sql: str) -> bool:
    """Return whether SQL reads a table, by its text: it then has its full name."""
    return re.search(rf"\b{re.escape(name)}\b", sql) is not None


def _read(model: Model) -> frozenset[str]:
    return references(model.sql, model.file)
