"""A run that fails before it starts is recorded, in the metrics and notified, like one that fails later."""

import json
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.command import main as cli
from flows.run.record import write_metrics
from flows.run.request import Command, RunContext, RunRequest, context_of
from flows.run.stages import perform
from flows.settings.loading import load
from flows.settings.settings import Settings
from flows.stores.folder.data_format import FORMAT
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import Runs
from transforms.errors import BusyError, ConfigError

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def without_token(data_dir: Path, command: Command = "run", **settings: Any) -> Settings:
    """Try to run without a token; return the settings."""
    settings_given = load(data_dir=data_dir, **settings)
    with pytest.raises(ConfigError):
        perform(context_of(settings_given), RunRequest(command))
    return settings_given


def test_run_without_a_token_is_recorded_as_the_last_run(data_dir: Path) -> None:
    before = datetime.now(UTC)
    without_token(data_dir)
    (record,) = Runs(data_dir).all()
    assert record.exit_code == 2
    assert record.finished_at is not None
    assert before <= record.started_at <= record.finished_at <= before + timedelta(minutes=1)
    assert "recspend_last_run_exit_code 2.0\n" in (data_dir / "metrics.prom").read_text()


def test_stage_leaves_no_record(data_dir: Path) -> None:
    without_token(data_dir, "ingest")
    assert list(data_dir.iterdir()) == []


def test_failed_start_creates_no_data_folder(tmp_path: Path) -> None:
    without_token(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_failed_start_leaves_a_newer_folder_alone(data_dir: Path) -> None:
    settings = load(data_dir=data_dir)
    (data_dir / "format.json").write_text(f'{{"format": {FORMAT + 1}, "recspend": "9"}}')
    with pytest.raises(ConfigError):
        perform(context_of(settings), RunRequest())
    assert [path.name for path in data_dir.iterdir()] == ["format.json"]


def test_failed_start_warns_about_a_read_only_folder(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "runs").write_text("")
    without_token(data_dir)
    assert "Could not record the failed run" in caplog.text


def test_failed_start_next_to_another_run_is_recorded(data_dir: Path) -> None:
    with DataLocks(data_dir).alone():
        with pytest.raises(BusyError):
            perform(RunContext(load(data_dir=data_dir), [], {}), RunRequest())
        assert Runs(data_dir).all() == []
        without_token(data_dir)
    assert [record.exit_code for record in Runs(data_dir).all()] == [2]
    assert "recspend_last_run_exit_code 2.0\n" in (data_dir / "metrics.prom").read_text()


def test_failure_is_sent_and_recorded_once(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.run.upgrade.write_format", full)
    got = tmp_path / "got"
    channel = {"kind": "command", "command": ["tee", "-a", str(got)]}
    with pytest.raises(OSError, match="No space"):
        perform(RunContext(load(data_dir=data_dir, notify=[channel]), [], {}), RunRequest())
    assert [record.exit_code for record in Runs(data_dir).all()] == [2]
    (sent,) = got.read_text().splitlines()
    assert "The run ended early. No space left on device." in json.loads(sent)["text"]


def recspend(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run a command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["recspend", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "token"),
    [
        (["serve", "--port", "0"], ""),
        (["run", "--account", "suport"], "secret"),
        (["run", "--prefect", "--account", "suport"], "secret"),
        (["run", "--from", "2999-01-01"], "secret"),
        (["run", "--again"], "secret"),
    ],
)
def test_usage_error_leaves_no_trace(
    arguments: list[str], token: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = tmp_path / "got"
    (tmp_path / "recspend.toml").write_text(
        f'data_dir = "{data_dir}"\nbase_url = "https://example.signalwire.com"\naccount_sid = "AC1"\n'
        f'account_name = "support"\n[[notify]]\nkind = "command"\ncommand = ["tee", "-a", "{got}"]\n'
    )
    monkeypatch.setenv("RECSPEND_API_TOKEN", token)
    assert recspend(monkeypatch, *arguments) == 2
    assert list(data_dir.iterdir()) == []
    assert not got.exists()


def test_due_run_without_a_token_is_recorded_and_sent(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = tmp_path / "got"
    (tmp_path / "recspend.toml").write_text(
        f'data_dir = "{data_dir}"\nbase_url = "https://example.signalwire.com"\naccount_sid = "AC1"\n'
        f'[[notify]]\nkind = "command"\ncommand = ["tee", "-a", "{got}"]\n'
    )
    assert recspend(monkeypatch, "run") == 2
    assert [record.exit_code for record in Runs(data_dir).all()] == [2]
    assert "RECSPEND_API_TOKEN is not set" in got.read_text()


def test_run_that_waits_for_the_folder_looks_up_its_tokens_once(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    released = ExitStack()
    released.enter_context(DataLocks(data_dir).alone())

    def accesses(*_: Any) -> list[Any]:
        looked_up.append("tokens")
        return []

    def wait(_: float) -> None:
        if len(waits := [*waited, 1]) == 3:
            released.close()
        waited[:] = waits

    waited: list[int] = []
    monkeypatch.setattr("flows.run.request.accesses", accesses)
    monkeypatch.setattr("flows.stores.waiting.time.sleep", wait)
    perform(context_of(load(data_dir=data_dir)), RunRequest("ingest", wait_minutes=1))
    assert (looked_up, len(waited)) == (["tokens"], 3)


def test_run_that_does_not_wait_is_refused_at_once(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.run.request.accesses", lambda *_: [])
    monkeypatch.setattr("flows.stores.waiting.time.sleep", lambda _: pytest.fail("it waits"))
    with DataLocks(data_dir).alone(), pytest.raises(BusyError):
        perform(context_of(load(data_dir=data_dir)), RunRequest("ingest"))


def test_runs_begin_a_new_folder_together(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.run.request.accesses", lambda *_: [])
    locks, waited = DataLocks(data_dir), list[bool]()
    with locks.shared(), ExitStack() as other:
        other.enter_context(locks.briefly("format"))

        def sleep(_: float) -> None:
            waited.append((data_dir / "format.json").exists())
            other.close()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        perform(context_of(load(data_dir=data_dir)), RunRequest("ingest"))
    assert waited == [False]
    assert (data_dir / "format.json").exists()


def test_metrics_of_runs_that_end_at_once_are_written_in_turn(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings, seen = load(data_dir=data_dir), list[str]()
    with ExitStack() as other:
        other.enter_context(DataLocks(data_dir).briefly("metrics"))

        def sleep(_: float) -> None:
            seen.extend(path.name for path in data_dir.glob("metrics*"))
            other.close()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        write_metrics(settings, {}, datetime.now(UTC))
    assert (seen, caplog.text) == ([], "")
    assert (data_dir / "metrics.prom").exists()
