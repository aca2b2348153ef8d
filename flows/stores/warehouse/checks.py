"""Run the checks in a warehouse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from flows.stores.warehouse.damage import refuse_damage
from flows.stores.warehouse.memory import enough_memory
from flows.stores.warehouse.sql_files import query
from transforms.errors import ModelError
from transforms.model.models import Check

_SHOWN = 3
"""How many rows are shown of what a check found."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: how many rows, and the first few of them as text."""

    check: Check
    offending_rows: int
    sample: list[str]

    @property
    def is_passed(self) -> bool:
        """Whether it found nothing."""
        return self.offending_rows == 0

    @property
    def stops(self) -> bool:
        """Whether the figures must not be published."""
        return not self.is_passed and self.check.severity == "fail"


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows a statement of a check found, and the first few of them as text."""

    rows: int = 0
    sample: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        """Return what both found."""
        return Found(self.rows + other.rows, (self.sample + other.sample)[:_SHOWN])


NOTHING = Found()


def run_check(
    connection: duckdb.DuckDBPyConnection,
    check: Check,
    is_known: Callable[[str], bool] = lambda _: False,
    known: Found = NOTHING,
) -> CheckResult:
    """Run a check in an open warehouse.

    is_known: whether a statement of it need not run, because `known` has what all of those found.

    Raises ModelError if it cannot be run, ConfigError if memory is short, DataError if the warehouse or the lake is
    damaged.
    """
    try:
        with enough_memory(f"the check {check.name}"):
            statements = connection.extract_statements(check.sql)
            found = [find(connection, each.query) for each in statements if not is_known(each.query)]
    except duckdb.Error as error:
        refuse_damage(connection, error)
        raise ModelError(f"{check.file} cannot be run: {error}") from None
    together = sum(found, known)
    return CheckResult(check, together.rows, list(together.sample))


def find(connection: duckdb.DuckDBPyConnection, sql: str) -> Found:
    """Run one statement of a check. Raises duckdb.Error if it cannot be run."""
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    return Found(
        len(rows),
        tuple(
            ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
            for row in rows[:_SHOWN]
        ),
    )


def passed_checks(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the checks that passed when the warehouse was built."""
    return {row[0] for row in connection.execute(query("model/passed_checks")).fetchall()}


def run_checks_on(checks: Sequence[Check], name: str, rows: pa.Table) -> list[CheckResult]:
    """Run the checks that read a table, on these rows of it alone. Raises ModelError if one cannot be run.

    name: full name of the table. The checks must read no other.
    """
    schema, _, _ = name.partition(".")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"create schema {schema}")
        connection.register("rows_to_check", rows)
        connection.execute(f"create table {name} as from rows_to_check")
        return [run_check(connection, check) for check in checks if name in check.sql]


def check_table(results: Sequence[CheckResult]) -> pa.Table:
    """Return the check results as rows of ops.checks."""
    return pa.table(
        {
            "name": [result.check.name for result in results],
            "severity": [result.check.severity for result in results],
            "why": [result.check.why for result in results],
            "is_passed": [result.is_passed for result in results],
            "offending_rows": [result.offending_rows for result in results],
        },
        pa.schema(
            [
                pa.field("name", pa.string()),
                pa.field("severity", pa.string()),
                pa.field("why", pa.string()),
                pa.field("is_passed", pa.bool_()),
                pa.field("offending_rows", pa.int64()),
            ]
        ),
    )
