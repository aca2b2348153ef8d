import resource
from typing import Any

import duckdb
import pytest

from flows.command.main import main
from flows.settings.loading import load
from flows.stores.warehouse import memory
from flows.stores.warehouse.machine import give_workers
from flows.stores.warehouse.memory import SMALLEST_MB, give_memory, limit_memory, refuse_few_addresses
from transforms.errors import ConfigError


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> Any:
    return connection.execute(f"select current_setting('{name}')").fetchall()[0][0]


def bytes_allowed(connection: duckdb.DuckDBPyConnection) -> int:
    shown = setting(connection, "memory_limit")
    return int(connection.execute("select parse_formatted_bytes(?)", [shown]).fetchall()[0][0])


def test_memory_limit_is_a_quarter_of_what_duckdb_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALLEST_MB", 1)
    monkeypatch.setattr(memory, "LARGEST_MB", 10**9)
    with duckdb.connect() as connection:
        # Without a setting, DuckDB takes 80 % of what the machine or the container has (documented).
        quarter = bytes_allowed(connection) * 25 / 80
        assert limit_memory(connection) == pytest.approx(quarter / 1e6, rel=0.05)
        assert bytes_allowed(connection) == pytest.approx(quarter, rel=0.05)


@pytest.mark.parametrize(("smallest", "largest", "expected"), [(10**6, 10**7, 10**6), (1, 100, 100)])
def test_memory_limit_has_a_floor_and_a_ceiling(
    monkeypatch: pytest.MonkeyPatch, smallest: int, largest: int, expected: int
) -> None:
    monkeypatch.setattr(memory, "SMALLEST_MB", smallest)
    monkeypatch.setattr(memory, "LARGEST_MB", largest)
    with duckdb.connect() as connection:
        assert limit_memory(connection) == expected


@pytest.mark.parametrize(("megabytes", "threads"), [(64, 1), (250, 2), (999, 7), (4000, 16)])
def test_memory_limit_set_by_hand_also_limits_the_threads(megabytes: int, threads: int) -> None:
    give_memory(megabytes)
    give_workers(16)
    with duckdb.connect() as connection:
        assert limit_memory(connection) == megabytes
        assert bytes_allowed(connection) == pytest.approx(megabytes * 1e6, rel=0.01)
        assert setting(connection, "threads") == threads


@pytest.mark.usefixtures("no_settings")
def test_memory_limit_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_MEMORY_LIMIT_MB", "300")
    load()
    with duckdb.connect() as connection:
        assert limit_memory(connection) == 300
    monkeypatch.delenv("RECSPEND_MEMORY_LIMIT_MB")
    load()
    with duckdb.connect() as connection:
        assert limit_memory(connection) >= SMALLEST_MB
        assert limit_memory(connection) != 300


def limited_to(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit if kind == resource.RLIMIT_AS else 0, 0))


@pytest.mark.parametrize("megabytes", [0, 900, 1_999])
def test_too_few_addresses_are_refused(megabytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limited_to(monkeypatch, megabytes << 20)
    with pytest.raises(ConfigError, match=rf"limited to {megabytes:,} MB of addresses .*at least 2,000 MB"):
        refuse_few_addresses()


@pytest.mark.parametrize("limit", [resource.RLIM_INFINITY, 2_000 << 20, 1 << 50])
def test_enough_addresses_are_accepted(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limited_to(monkeypatch, limit)
    refuse_few_addresses()


def test_command_says_it_before_it_does_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limited_to(monkeypatch, 900 << 20)
    monkeypatch.setattr("sys.argv", ["recspend", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Error: This process is limited to 900 MB of addresses")
