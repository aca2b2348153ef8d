"""`recspend lake files` and `recspend lake sync`: what other engines and other machines read."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows.command.main import app
from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.bucket.objects import Bucket
from tests.support.runs.ledger_runs import accesses_of, context_for
from tests.support.servers.bucket_server import BucketServer, bucket_in_reach
from transforms.errors import BucketError, ConfigError

RECORDINGS = 200


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    ledger = open_ledger(Parameters(5, RECORDINGS, 2), tmp_path_factory.mktemp("rendered"))
    with serve(ledger) as found:
        yield found


@pytest.fixture
def server(no_settings: None) -> Iterator[BucketServer]:
    with bucket_in_reach() as served:
        yield served


def read(emulator: Emulator, data_dir: Path, **settings: str) -> None:
    context = context_for(accesses_of(emulator), data_dir, **settings)
    for command in ("ingest", "normalize"):
        perform(context, RunRequest(command))


def asked(monkeypatch: pytest.MonkeyPatch, data_dir: Path, *arguments: str, lake_url: str = "") -> str:
    monkeypatch.setenv("RECSPEND_DATA_DIR", str(data_dir))
    monkeypatch.setenv("RECSPEND_LAKE_URL", lake_url)
    return CliRunner().invoke(app, ["lake", *arguments], catch_exceptions=False).stdout


def test_files_of_a_folder_have_all_recordings(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    read(emulator, tmp_path / "data")
    rows = json.loads(asked(monkeypatch, tmp_path / "data", "files", "--json"))
    counted = (
        duckdb.connect()
        .execute(f"select count(*) from read_parquet({[row['file'] for row in rows]})")
        .fetchall()
    )
    assert counted == [(RECORDINGS,)]
    assert sum(row["recordings"] for row in rows) == RECORDINGS
    first = emulator.accounts[0].account_sid
    of_one = json.loads(asked(monkeypatch, tmp_path / "data", "files", "--account", first, "--json"))
    assert of_one == [row for row in rows if row["account_sid"] == first]
    assert asked(monkeypatch, tmp_path / "data", "files").splitlines() == [row["file"] for row in rows]


def test_files_of_a_bucket_need_no_folder(
    emulator: Emulator, server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(emulator, tmp_path / "data", lake_url=server.url)
    rows = json.loads(asked(monkeypatch, tmp_path / "other", "files", "--json", lake_url=server.url))
    assert sum(row["recordings"] for row in rows) == RECORDINGS
    assert not (tmp_path / "other").exists()
    names = {name for name, _ in Bucket(server.url).listed("lake")}
    assert {row["file"].removeprefix(f"{server.url}/") for row in rows} <= names


def test_files_of_a_bucket_are_all_or_none(
    emulator: Emulator, server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(emulator, tmp_path / "data", lake_url=server.url)
    bucket = Bucket(server.url)
    commit = next(name for name, _ in bucket.listed("lake") if name.endswith("commit.json"))
    bucket.remove([commit])
    with pytest.raises(BucketError, match=r"commit\.json is missing or damaged"):
        asked(monkeypatch, tmp_path / "other", "files", lake_url=server.url)


def test_sync_brings_everything(
    emulator: Emulator, server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(emulator, tmp_path / "data", lake_url=server.url)
    other = tmp_path / "other"
    assert asked(monkeypatch, other, "sync", lake_url=server.url) == "2 accounts were newer in the bucket.\n"
    assert asked(monkeypatch, other, "sync", "--json", lake_url=server.url) == '{"accounts": []}\n'
    for name in ("lake", "raw", "state"):
        files = {
            path.relative_to(folder): path.read_bytes()
            for folder in (tmp_path / "data", other)
            for path in (folder / name).rglob("*")
            if path.is_file()
        }
        assert files == {path: (tmp_path / "data" / path).read_bytes() for path in files}
    with pytest.raises(ConfigError, match="mirrors"):
        asked(monkeypatch, other, "sync")


def test_sync_without_a_bucket_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    with pytest.raises(ConfigError, match="Set lake_url"):
        asked(monkeypatch, tmp_path / "data", "sync")
