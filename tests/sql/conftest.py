"""The warehouse that tests of SQL share."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.sql.test_mart_totals import plain_ledger, warehouse_of


@pytest.fixture(scope="session")
def built_plain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Build the warehouse of `plain_ledger()` once."""
    with warehouse_of(plain_ledger()) as connection:
        yield connection


@pytest.fixture
def plain(built_plain: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return that warehouse; what a test changes in it is undone."""
    built_plain.execute("begin")
    yield built_plain
    built_plain.execute("rollback")
