"""Checks that are generated from the twins of the marts: keys, what they add up to, and what columns are derived from.

Each mart has a statement of its own, so that their intermediate results are not in memory at the same time.
"""

import re
from collections.abc import Iterable, Mapping

from transforms.errors import ModelError
from transforms.model.models import Check, Model, TwinColumn
from transforms.model.sums import SUMS

_MONTH = "cast(date_trunc('month', usage_date) as date)"
_MARKS = ("is_running", "days_read", "days_missing")
_MARKED = "marts.months_read"
_DECIMAL = re.compile(r"DECIMAL\(\d+, ?(\d+)\)")


def key_check(models: Iterable[Model]) -> Check:
    """Return the check that no model has duplicate keys; the twin names the key."""
    selects = [_duplicates(model.name, keys) for model in models if (keys := ", ".join(model.twin.key))]
    why = "A duplicate key would count the same money twice."
    return Check("keys_are_unique", "the keys of the twins", ";\n".join(selects), "fail", why)


def _duplicates(name: str, keys: str) -> str:
    # Eight bytes of each recording are enough to see that there is hardly ever a suspect.
    suspects = (
        f"\nwhere hash({keys}) in (select hash({keys}) from {name} group by all having count(*) > 1)"  # noqa: S608
        if keys == "recording_sid"
        else ""
    )
    return (
        f"select '{name}' as model, concat_ws(' ', {keys}) as key\n"
        f"from {name}{suspects}\ngroup by {keys}\nhaving count(*) > 1"
    )


def sum_check(models: Iterable[Model]) -> Check:
    """Return the check that each model adds up to what its twin says, for each value of its key, in each column.

    Raises ModelError if a twin names a table or a column that is not known here.
    """
    selects = []
    for model in models:
        totals = model.twin.adds_up
        if not totals.columns:
            continue
        known = SUMS.get(totals.of, {})
        unknown = [column for column in totals.columns if column not in known]
        if unknown:
            raise ModelError(
                f"{model.file}: adds_up names {unknown[0]} of {totals.of}. "
                f"Use some of {', '.join(known or SUMS)}."
            )
        selects.append(_differences(model))
    why = "Each mart must add up to what it is made of, for each value of its key, to the last decimal."
    return Check("marts_sum_to_fact", "the sums of the twins", ";\n".join(selects), "fail", why)


def equality_check(models: Iterable[Model]) -> Check:
    """Return the check that each derived column is what its twin says it equals."""
    selects = [
        _derived(model) for model in models if any(each.equals for each in model.twin.columns.values())
    ]
    why = "A ratio, a difference or a state must be what the other columns of its row say."
    return Check("columns_equal_their_sources", "the columns of the twins", ";\n".join(selects), "fail", why)


def _derived(model: Model) -> str:
    derived = {name: column for name, column in model.twin.columns.items() if column.equals}
    wrong = {name: _differs(name, column) for name, column in derived.items()}
    shown = ", ".join(
        f"if({wrong[name]}, concat('{name} is ', coalesce(cast({name} as varchar), 'null'), ', not ', "
        f"coalesce(cast({column.equals} as varchar), 'null')), null)"
        for name, column in derived.items()
    )
    needs_settings = any("settings." in column.equals for column in derived.values())
    settings = " cross join landed.settings as settings" if needs_settings else ""
    return (
        f"select '{model.name}' as model, concat_ws(' ', {', '.join(model.twin.key)}) as key, "
        f"concat_ws('; ', {shown}) as found\nfrom {model.name}{settings}\nwhere {' or '.join(wrong.values())}"
    )


def _differs(name: str, column: TwinColumn) -> str:
    """Return whether a column is not what it equals. Divisions may differ in the last decimal, or in the 12th digit."""
    due = f"({column.equals})"
    if decimals := _DECIMAL.fullmatch(column.type):
        tolerance = f"greatest(1.5e-{decimals[1]}, 1e-12 * abs({due}))"
        return f"(({name} is null) <> ({due} is null) or coalesce(abs({name} - {due}) > {tolerance}, false))"
    return f"({name} is distinct from cast({due} as {column.type}))"


def marks_check(models: Iterable[Model]) -> Check:
    """Return the check that each mart says of a month what marts.months_read says of it.

    Where a mart has no account, of all accounts together.
    """
    selects = []
    for model in models:
        columns = model.twin.columns
        if model.name == _MARKED or not columns.keys() >= set(_MARKS):
            continue
        account = "mart.account_sid" if "account_sid" in columns else "null"
        month = next(name for name in ("month", "storage_month") if name in columns)
        differs = {name: f"mart.{name} is distinct from known.{name}" for name in _MARKS}
        marks = ", ".join(
            f"if({each}, concat('{name} is ', mart.{name}, ', not ', known.{name}), null)"
            for name, each in differs.items()
        )
        keys = ", ".join(f"mart.{name}" for name in model.twin.key)
        wrong = " or ".join(differs.values())
        selects.append(
            f"select '{model.name}' as model, concat_ws(' ', {keys}) as key, concat_ws('; ', {marks}) as found\n"  # noqa: S608
            f"from {model.name} as mart\nleft join {_MARKED} as known "
            f"on mart.{month} = known.month and known.account_sid is not distinct from {account}\nwhere {wrong}"
        )
    why = (
        "A month that is not over or not completely read must be marked in each mart as in marts.months_read."
    )
    return Check("month_marks_agree", "the columns of the twins", ";\n".join(selects), "fail", why)


def _differences(model: Model) -> str:
    """Return a SELECT of the keys whose sums differ, with the sums as text."""
    totals = model.twin.adds_up
    by = _compared_by(model)
    own = {column: column for column in by}
    sums = {column: SUMS[totals.of][column] for column in totals.columns}
    mart_sums = {column: f"sum({column})" for column in sums}
    texts = ", ".join(f"'{column} ' || coalesce(cast({column} as varchar), 'null')" for column in sums)
    shown = (
        f"'{model.name}' as model, concat_ws(' ', {', '.join(by)}) as key, concat_ws(', ', {texts}) as sums"
    )
    # Equal rows are there twice; the rows of each side differ in their keys.
    columns = ", ".join([*by, *sums])
    found = "case side when 1 then 'missing or different in the mart' else 'only in the mart' end as found"
    of_parts = " and ".join([*([f"({totals.where})"] if totals.where else []), _is_suspect(by.values())])
    return (
        f"with suspects as materialized (\n{_suspects(model, by, sums)}\n)\n"  # noqa: S608
        f"select {found}, {shown}\n"
        f"from (\nselect {columns}, min(side) as side from (\n"
        f"select {columns}, 1 as side from ({_grouped(totals.of, of_parts, by, sums)})\n"
        f"union all select {columns}, 2 from ({_grouped(model.name, _is_suspect(own), own, mart_sums)})\n"
        f") as both_sides group by {columns} having count(*) = 1\n) as differences"
    )


def _suspects(model: Model, by: Mapping[str, str], sums: Mapping[str, str]) -> str:
    """Return a SELECT of the hashes of keys whose sums may differ: hardly ever any.

    Sixteen bytes of each row are compared, because all of it takes several times as long and as much memory.
    """
    totals = model.twin.adds_up
    parts = _grouped(totals.of, totals.where, by, sums)
    # A mart that is compared by its whole key need not be summed; a row that is there twice is a suspect.
    mart = _unequal_zero(model.name, sums)
    if [*by] != model.twin.key:
        mart = _grouped(model.name, "", {each: each for each in by}, {each: f"sum({each})" for each in sums})
    # A sum of integers has another type than they have, and equal values need the same to have the same hash.
    integers = {name for name in sums if not _DECIMAL.fullmatch(model.twin.columns[name].type)}
    values = ", ".join(f"cast({name} as hugeint)" if name in integers else name for name in sums)
    hashes = f"hash({', '.join(by)}) as of_key, hash({', '.join(by)}, {values}) as of_row"
    return (
        f"select of_key from (\nselect {hashes} from ({parts})\nunion all select {hashes} from ({mart})\n"  # noqa: S608
        ") as both_sides group by of_key, of_row having count(*) <> 2"
    )


def _is_suspect(keys: Iterable[str]) -> str:
    return f"hash({', '.join(keys)}) in (select of_key from suspects)"  # noqa: S608


def _compared_by(model: Model) -> dict[str, str]:
    """Return the key columns that are compared, and the SQL that computes each from the rows that add up."""
    twin = model.twin
    defaults = {} if "usage_date" in twin.key else {"month": _MONTH}
    found = {column: twin.adds_up.by.get(column, defaults.get(column, column)) for column in twin.key}
    return {column: sql for column, sql in found.items() if sql is not None}


def _grouped(table: str, where: str, by: Mapping[str, str], sums: Mapping[str, str]) -> str:
    columns = ", ".join(f"{sql} as {column}" for column, sql in {**by, **sums}.items())
    condition = f" where {where}" if where else ""
    places = ", ".join(str(place) for place in range(1, len(by) + 1))
    grouped = f"select {columns} from {table}{condition} group by {places}"  # noqa: S608
    return _unequal_zero(f"({grouped})", sums)


def _unequal_zero(rows: str, sums: Iterable[str]) -> str:
    # A mart may have rows for what did not happen, such as a month without recordings.
    return f"select * from {rows} where {' or '.join(f'{column} <> 0' for column in sums)}"  # noqa: S608
