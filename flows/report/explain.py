"""Explain a number: list the recordings of a mart's figures and verify each against its raw page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ConfigError, DataError, DroppedPageError
from transforms.model.models import Model
from transforms.normalize.late_changes import FIGURES
from transforms.pages.recordings import list_recordings
from transforms.pages.records import read_records
from transforms.pages.sids import same_spelling
from transforms.report.explain import (
    Condition,
    figures_sql,
    find_mart,
    read_conditions,
    recordings_sql,
    sums_sql,
    where,
)
from transforms.values.windows import Window

_ALWAYS = Window(date(1970, 1, 1), date(2999, 12, 31))
_MOST_VALUES = 10
_SHOWN = (
    "recording_sid, account_sid, usage_date, created_at, source, channels, status, duration_seconds, billed_minutes, "
    "currency, price_raw, cost, deleted_at, raw_page"
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Figures of a mart and their recordings.

    figures: by currency, with the number of rows of the mart. sums: the same sums over the recordings. recordings: each
    with raw_page, position in it (from 0), page_sha256 and is_verified, which is null if the page was dropped.
    problems: what failed to verify, as sentences. dropped: which pages cannot be verified, and why.
    """

    mart: str
    key: Sequence[str]
    figures: pa.Table
    sums: pa.Table
    recordings: pa.Table
    pages: int
    problems: Sequence[str]
    dropped: Sequence[str]


@dataclass(frozen=True, slots=True)
class _SeenOn:
    """The position of a recording in a page, and its content there."""

    position: int
    content: Mapping[str, Any]


def explain(data_dir: Path, models: Sequence[Model], name: str, texts: Sequence[str]) -> Explanation:
    """Explain the rows of a mart that have these values in their key (each `column=value`).

    Raises ConfigError if there is no such mart, column, value or row, or if the mart has no recordings of its own.
    """
    mart = find_mart(models, name)
    conditions = read_conditions(mart, texts)
    recordings = recordings_sql({each.name: each for each in models}, mart, conditions)
    warehouse = Warehouse(warehouse_path(data_dir))
    columns = ", ".join(dict.fromkeys([*_SHOWN.split(", "), *FIGURES]))
    with warehouse.connected():
        figures = warehouse.table(figures_sql(mart, conditions))
        if not figures.num_rows:
            raise ConfigError(_nothing(warehouse, mart, conditions))
        sums = warehouse.table(sums_sql(mart, recordings))
        found = warehouse.table(
            f"select {columns} from ({recordings}) order by created_at, recording_sid"  # noqa: S608
        )
    problems = (
        [] if _add_up(figures, sums) else [f"The recordings do not add up to the figures of {mart.name}."]
    )
    traces, unverified, dropped = _traced(RawPages(data_dir), found)
    shown = found.select(_SHOWN.split(", "))
    for column, values in zip(("position", "page_sha256", "is_verified"), traces, strict=True):
        shown = shown.append_column(column, values)
    pages = len(found["raw_page"].unique())
    return Explanation(
        mart.name,
        [each.given for each in conditions],
        figures,
        sums,
        shown,
        pages,
        [*problems, *unverified],
        dropped,
    )


def _add_up(figures: pa.Table, sums: pa.Table) -> bool:
    """Return whether the sums match the figures; rows of a mart without recordings do not count."""
    names = [name for name in figures.column_names if name != "rows"]
    expected, found = (
        [row for row in table.select(names).to_pylist() if _counts(row)] for table in (figures, sums)
    )
    return expected == found


def _counts(row: Mapping[str, Any]) -> bool:
    return any(value for name, value in row.items() if name != "currency")


def _traced(raw: RawPages, found: pa.Table) -> tuple[list[pa.Array], list[str], list[str]]:
    """Return position, page digest and whether it is verified for each recording, problems, and what was dropped."""
    of_page: dict[str, list[int]] = {}
    for number, name in enumerate(found["raw_page"].to_pylist()):
        of_page.setdefault(name, []).append(number)
    positions: list[int | None] = [None] * found.num_rows
    digests: list[str | None] = [None] * found.num_rows
    verified: list[bool | None] = [False] * found.num_rows
    problems, dropped = [], []
    for name, numbers in of_page.items():
        rows = found.take(numbers).to_pylist()
        try:
            sightings, digest = _sightings(raw, name, rows[0]["account_sid"])
        except DroppedPageError as error:
            dropped.append(f"{name}; {len(rows):,} recordings come from it. {error}")
            for number in numbers:
                verified[number] = None
            continue
        except (DataError, OSError) as error:
            problems.append(f"{name} failed verification; {len(rows):,} recordings come from it: {error}")
            continue
        for number, row in zip(numbers, rows, strict=True):
            sighting = _matching(sightings.get(row["recording_sid"], []), row)
            digests[number] = digest
            if sighting is None:
                problems.append(
                    f"{name} has different values for recording {row['recording_sid']} than the tables."
                )
            else:
                positions[number], verified[number] = sighting.position, True
    return (
        [
            pa.array(positions, pa.int64()),
            pa.array(digests, pa.string()),
            pa.array(verified, pa.bool_()),
        ],
        problems,
        dropped,
    )


def _sightings(raw: RawPages, name: str, account_sid: str) -> tuple[dict[str, list[_SeenOn]], str]:
    """Return the content of each recording in a page, by sid, and the page's digest."""
    page, digest = raw.page(name)
    read = read_records(page.body)
    listed = list_recordings([page], account_sid, _ALWAYS)
    rejected = set(listed.rejects["position"].to_pylist())
    places: dict[str, list[int]] = {}
    for record, position in zip(read.records, read.positions, strict=True):
        if position not in rejected:
            places.setdefault(same_spelling(record.sid), []).append(position)
    sightings: dict[str, list[_SeenOn]] = {}
    for content in listed.recordings.select(["recording_sid", *FIGURES]).to_pylist():
        known = sightings.setdefault(content["recording_sid"], [])
        known.append(_SeenOn(places[content["recording_sid"]][len(known)], content))
    return sightings, digest


def _matching(sightings: Sequence[_SeenOn], row: Mapping[str, Any]) -> _SeenOn | None:
    """Return the last one with the same values as the tables."""
    same = [each for each in sightings if all(each.content[name] == row[name] for name in FIGURES)]
    return same[-1] if same else None


def _nothing(warehouse: Warehouse, mart: Model, conditions: Sequence[Condition]) -> str:
    """Say why no row matches: the first value that does not exist, with existing ones, or that no row has them all."""
    if not conditions:
        return f"{mart.name} has no rows."
    key = " ".join(condition.given for condition in conditions)
    for condition in conditions:
        select = f'select distinct "{condition.column}"::varchar as value from {mart.name}'  # noqa: S608
        if not warehouse.table(f"{select} where {where([condition])}").num_rows:
            existing = ", ".join(_values(warehouse, select, mart.twin.columns[condition.column].type))
            known = f"Existing values: {existing}." if existing else "The mart is empty."
            return f"No row of {mart.name} has {condition.given}. {known}"
    return f"No row of {mart.name} has all of {key}. Leave one of them out to see the others."


def _values(warehouse: Warehouse, select: str, type_: str) -> Iterator[str]:
    values = warehouse.table(f"{select} order by value nulls last")["value"].to_pylist()
    texts = ["empty (null)" if value is None else value for value in values]
    if len(texts) <= _MOST_VALUES:
        yield from texts
    elif type_ == "DATE":
        yield f"{texts[0]} to {texts[-1]}"
    else:
        yield from texts[:_MOST_VALUES]
        yield f"and {len(texts) - _MOST_VALUES} more"
