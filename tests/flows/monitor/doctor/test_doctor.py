"""The doctor: what is ok, what warns, what fails, and that no secret is ever shown."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.command.monitor import app
from flows.emulator import Emulator, open_living, serve
from flows.monitor.doctor.disk import disk
from flows.monitor.doctor.prefect_server import compared
from flows.stores.api.access import AccountAccess
from flows.stores.folder.data_format import FORMAT
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import RunRecord, Runs
from tests.support.runs.living_runs import clock_of, epoch_of, made, run_by

SID = "AC3c0c2e00004000800000000000000001"
TODAY = date(2026, 9, 14)
LEDGER = [made(SID, number, epoch_of(date(2026, 9, 10 + number % 4), number)) for number in range(8)]
Found = dict[str, dict[str, Any]]


@pytest.fixture
def emulated() -> Iterator[Callable[..., Emulator]]:
    """Start an emulator of the account with the given faults."""
    with ExitStack() as servers:
        yield lambda **how: servers.enter_context(
            serve(open_living(LEDGER, accounts=[SID], now=epoch_of(TODAY, 3600)), **how)
        )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Callable[..., None]:
    """Set only these variables of ours and of Prefect, in an empty folder."""

    def set_to(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_to


def of(emulator: Emulator, **more: str) -> dict[str, str]:
    (account,) = emulator.accounts
    return {
        "RECSPEND_BASE_URL": emulator.base_url,
        "RECSPEND_ACCOUNT_SID": SID,
        "RECSPEND_ACCOUNT_NAME": "support",
        "RECSPEND_API_TOKEN": account.api_token,
        **more,
    }


def examined() -> tuple[int, Found, str]:
    """Return the exit code, the last diagnosis of each subject, and everything that is ever shown."""
    runner = CliRunner()
    printed, as_json = runner.invoke(app, ["doctor"]), runner.invoke(app, ["doctor", "--json"])
    assert (printed.exit_code, printed.exception.__class__) == (
        as_json.exit_code,
        as_json.exception.__class__,
    )
    answer = json.loads(as_json.stdout)
    for finding in answer["findings"]:
        is_measured = finding["subject"].startswith(("disk", "clock"))  # again each time
        words = "" if is_measured else finding["words"]
        assert f"{finding['subject']}: {words}" in printed.stdout.replace("\n", " ")
    states = [finding["state"] for finding in answer["findings"]]
    assert answer["state"] == next(state for state in ("fail", "warn", "ok") if state in states)
    assert as_json.exit_code == (2 if answer["state"] == "fail" else 0)
    found = {finding["subject"]: finding for finding in answer["findings"]}
    return as_json.exit_code, found, printed.output + as_json.output


def test_doctor_passes_a_new_folder_and_a_working_account(
    emulated: Callable[..., Emulator], environment: Callable[..., None]
) -> None:
    emulator = emulated()
    environment(**of(emulator))
    code, found, _ = examined()
    assert code == 0
    assert {subject: each["state"] for subject, each in found.items()} == {
        "settings": "ok",
        "data folder": "ok",
        "lock": "ok",
        "warehouse": "warn",
        "metrics file": "ok",
        "disk": found["disk"]["state"],  # depends on this machine
        "packs": "ok",
        "Prefect": "ok",
        "channels": "ok",
        "last run": "warn",
        "coverage support": "warn",
        "account support": "ok",
        f"clock against {emulator.base_url}": "ok",
        f"rate limits of {emulator.base_url}": "ok",
    }
    assert "newest recording of 2026-09-13" in found["account support"]["words"]
    assert "dates are compared to the second, bounds included" in found["account support"]["words"]
    assert "from RECSPEND_API_TOKEN, may list recordings" in found["account support"]["words"]
    assert found[f"rate limits of {emulator.base_url}"]["words"] == "no response header mentions any"
    assert not Path("data").exists()


def test_doctor_shows_the_source_of_every_setting(environment: Callable[..., None]) -> None:
    Path("recspend.toml").write_text(
        'attempts = 2\nlookback_days = 4\naccount_sid = "A1"\n[[notify]]\nkind = "webhook"\nurl_env = "RECSPEND_HOOK"'
    )
    environment(
        RECSPEND_HOOK="https://example.com/secret",
        RECSPEND_ATTEMPTS="3",
        RECSPEND_API_TOKEN="PT-secret",
        RECSPEND_LOKBACK_DAYS="9",
    )
    _, found, shown = examined()
    settings = found["settings"]
    assert settings["words"] == (
        "RECSPEND_LOKBACK_DAYS is not a known setting and has no effect. Did you mean RECSPEND_LOOKBACK_DAYS?"
    )
    assert "attempts = 3 from RECSPEND_ATTEMPTS" in shown
    assert "lookback_days = 4 from recspend.toml; account_sid from recspend.toml" in shown
    assert '"settle_days": {"from": "default", "value": 90}' in shown
    assert '"api_token": {"from": "RECSPEND_API_TOKEN"}' in shown
    assert (
        found["channel webhook"]["words"]
        == "a webhook is notified; `recspend notify --test` sends a test message"
    )
    assert "PT-secret" not in shown


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (-400, "fail", "clock is 6 min fast. A day would"),
        (7260, "fail", "clock is 2 h slow"),
        (30, "warn", "s slow. A day"),
        (-2, "ok", "agree"),
    ],
)
def test_doctor_detects_a_wrong_clock_from_responses(
    emulated: Callable[..., Emulator],
    environment: Callable[..., None],
    ahead: float,
    state: str,
    words: str,
) -> None:
    emulator = emulated(clock_ahead_seconds=ahead)
    environment(**of(emulator))
    code, found, _ = examined()
    clock = found[f"clock against {emulator.base_url}"]
    assert (clock["state"], code) == (state, 2 if state == "fail" else 0)
    assert words in clock["words"]
    # Whole seconds, rounded towards zero.
    assert abs(clock["ahead_seconds"] + ahead) < 5
    assert abs(clock["ahead_seconds"]) <= abs(ahead)


def test_doctor_shows_usage_records_and_concurrency_of_twilio(
    emulated: Callable[..., Emulator], environment: Callable[..., None]
) -> None:
    emulator = emulated()
    environment(**of(emulator, RECSPEND_PROVIDER="twilio"))
    code, found, _ = examined()
    assert (code, found["usage records support"]["state"]) == (0, "ok")
    rates = found[f"rate limits of {emulator.base_url}"]
    assert (rates["words"], rates["headers"]) == (
        "Twilio-Concurrent-Requests: 1",
        {"Twilio-Concurrent-Requests": "1"},
    )


def test_doctor_warns_when_the_token_may_not_list_usage(
    emulated: Callable[..., Emulator], environment: Callable[..., None]
) -> None:
    environment(**of(emulated(faults=["usage-refused"]), RECSPEND_PROVIDER="twilio"))
    code, found, _ = examined()
    usage = found["usage records support"]
    assert (code, usage["state"], found["account support"]["state"]) == (0, "warn", "ok")
    assert "the token needs to be allowed to read usage" in usage["words"]
    environment(RECSPEND_USAGE_RECORDS="false")
    assert "usage records support" not in examined()[1]


def test_doctor_reports_each_account_separately(
    emulated: Callable[..., Emulator], environment: Callable[..., None]
) -> None:
    emulator = emulated()
    entry = '[[accounts]]\nname = "{}"\naccount_sid = "{}"\nbase_url = "{}"\ntoken_env = "{}"\n'
    accounts = [
        entry.format("support", SID, emulator.base_url, "SUPPORT_TOKEN"),
        entry.format("sales", "AC2", emulator.base_url, "SALES_TOKEN"),
        entry.format("away", "AC3", "http://127.0.0.1:9", "SALES_TOKEN"),
        entry.format("bare", "AC4", emulator.base_url, "BARE_TOKEN"),
    ]
    Path("recspend.toml").write_text("backoff = 0\n" + "\n".join(accounts))
    environment(SUPPORT_TOKEN=emulator.accounts[0].api_token, SALES_TOKEN="PT-of-sales")
    code, found, shown = examined()
    assert code == 2
    assert [found[f"account {name}"]["state"] for name in ("support", "sales", "away", "bare")] == [
        "ok",
        "fail",
        "fail",
        "fail",
    ]
    assert "refuses the credentials (401). Check SALES_TOKEN" in found["account sales"]["words"]
    assert "http://127.0.0.1:9 refuses the connection" in found["account away"]["words"]
    assert "the variable BARE_TOKEN is not set" in found["account bare"]["words"]
    assert sum(subject.startswith("clock against") for subject in found) == 1
    assert "PT-of-sales" not in shown


@pytest.mark.parametrize(
    "misplaced",
    [
        {},
        {"RECSPEND_API_TOKEN": "{secret}-wrong"},
        {"RECSPEND_BASE_URL": "https://user:{secret}@example.signalwire.com"},
        {"RECSPEND_ACCOUNT_SID": "{secret}/.."},
        {"RECSPEND_PROVIDER": "{secret}"},
        {"RECSPEND_ATTEMPTS": "{secret}"},
        {"RECSPEND_TOKEN": "{secret}"},
        {"RECSPEND_API_TOKEN": "", "RECSPEND_TOKEN_FILE": "{secret}"},
        {
            "PREFECT_API_URL": "http://user:{secret}@127.0.0.1:9/api?key={secret}",
            "PREFECT_API_AUTH_STRING": "admin:{secret}",
        },
    ],
    ids=lambda misplaced: "-".join(misplaced) or "right",
)
def test_doctor_shows_no_secret_wherever_it_is_set(
    emulated: Callable[..., Emulator], environment: Callable[..., None], misplaced: dict[str, str]
) -> None:
    emulator = emulated()
    secret = emulator.accounts[0].api_token
    values = of(emulator) | {name: text.format(secret=secret) for name, text in misplaced.items()}
    environment(**values, RECSPEND_BACKOFF="0")
    code, found, shown = examined()
    assert code == (0 if not misplaced or "RECSPEND_TOKEN" in misplaced else 2)
    assert found
    assert secret not in shown
    if "PREFECT_API_URL" in misplaced:
        assert found["Prefect"]["words"].startswith("http://127.0.0.1:9/api does not respond (ConnectError)")


def test_doctor_fails_on_a_token_in_the_file_and_hides_it(environment: Callable[..., None]) -> None:
    Path("recspend.toml").write_text('api_token = "PT-secret"')
    code, found, shown = examined()
    assert (code, list(found), found["settings"]["state"]) == (2, ["settings"], "fail")
    assert "recspend.toml contains an api_token" in found["settings"]["words"]
    assert "PT-secret" not in shown


CHANNELS = {
    'kind = "webhook"\nurl_env = "HOOK"': "Channel webhook: the variable HOOK is not set. It must hold the address",
    'kind = "webhook"\nurl = "http://hooks.example.com/s3cret"': "The address of the webhook must begin with https://",
    'kind = "webhook"\nurl_file = "hook"': "the file that url_file names is readable by its group or by others",
    'kind = "command"\ncommand = ["no-such-program"]': "The command no-such-program is not an executable program.",
    'kind = "command"\ncommand = ["/bin/sh", "-c", "exit"]\non = ["holes.found"]': "the command /bin/sh is notified of",
    'kind = "email"\nhost = "mail.example.com"\nfrom = "a@x"\nto = ["b@x"]': "through mail.example.com is notified;",
    'kind = "email"\nhost = "x"\nfrom = "a@x"\nto = ["b@x"]\nuser = "u"\npassword_env = "P"': "variable P is not set",
}


@pytest.mark.parametrize("entry", CHANNELS)
def test_doctor_fails_on_a_channel_that_cannot_deliver(entry: str, environment: Callable[..., None]) -> None:
    Path("recspend.toml").write_text(f"[[notify]]\n{entry}")
    Path("hook").write_text("https://hooks.example.com/s3cret")
    Path("hook").chmod(0o644)
    _, found, shown = examined()
    (channel,) = (each for subject, each in found.items() if subject.startswith("channel "))
    assert channel["state"] == ("ok" if "is notified" in CHANNELS[entry] else "fail")
    assert CHANNELS[entry] in channel["words"]
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("number", "state", "words"),
    [
        (FORMAT + 1, "fail", f"has format {FORMAT + 1}, written by recspend 0.0.9, but this recspend"),
        (
            FORMAT - 1,
            "ok",
            f"{FORMAT - 1}, of recspend 0.0.9; the next run upgrades it to {FORMAT}, and requests nothing",
        ),
        ("two", "fail", "does not say which format the folder has"),
        (None, "ok", f"not recorded yet; the next run writes format {FORMAT}"),
    ],
)
def test_doctor_shows_the_format_of_the_folder(
    number: object, state: str, words: str, environment: Callable[..., None]
) -> None:
    Path("data").mkdir()
    if number is not None:
        Path("data/format.json").write_text(json.dumps({"format": number, "recspend": "0.0.9"}))
    _, seen, _ = examined()
    found = seen["settings" if state == "fail" else "format"]
    assert found["state"] == state
    assert words in found["words"]


@pytest.mark.parametrize(
    ("mode", "readers", "words"),
    [
        (0o700, "owner", "only its owner may read"),
        (0o755, "owner", "Run `chmod -R go-rwx "),
        (0o2750, "group", "only its owner and its group may read"),
        (0o755, "group", "Run `chmod -R g+rX,g-w,o-rwx "),
    ],
)
def test_doctor_warns_when_others_may_read_the_folder(
    mode: int, readers: str, words: str, environment: Callable[..., None]
) -> None:
    environment(RECSPEND_READABLE_BY=readers)
    Path("data").mkdir()
    Path("data").chmod(mode)
    _, seen, _ = examined()
    found = seen["privacy"]
    assert words in found["words"]
    assert found["state"] == ("warn" if "Run" in words else "ok")


def test_doctor_shows_coverage_and_growth_after_a_run(
    emulated: Callable[..., Emulator], environment: Callable[..., None], tmp_path: Path
) -> None:
    emulator = emulated()
    environment(**of(emulator))
    access = AccountAccess(
        "support", SID, emulator.base_url, SID, emulator.accounts[0].api_token, "signalwire", ""
    )
    run_by(clock_of(emulator.ledger), [access], tmp_path / "data")
    locks = DataLocks(tmp_path / "data")
    with locks.shared(), locks.at_work_here(), locks.account(SID, "support", ""), locks.warehouse():
        code, found, _ = examined()
    holder = rf"process {os.getpid()}, since \S+"
    said = found["lock"]["words"]
    assert re.fullmatch(f"at work: {holder}; account {SID}: {holder}; tables: {holder}", said)
    assert (code, found["lock"]["state"]) == (0, "warn")
    code, found, _ = examined()
    assert code == 0
    coverage = found["coverage support"]
    assert (coverage["state"], coverage["newest_day"], coverage["holes"]) == ("ok", "2026-09-14", 0)
    assert (found["lock"]["state"], found["last run"]["state"]) == ("ok", "ok")
    assert found["format"]["words"] == f"{FORMAT}, of recspend {version('recspend')}"
    taken = found["disk"]
    stats = [path.stat() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    size = sum(
        {each.st_ino: each.st_size for each in stats}.values()
    )  # a file that has two names counts once
    assert taken["taken_bytes"] == size
    assert taken["bytes_per_recording"] == round(size / len(LEDGER))
    # All pages arrived on the first day, so only what is built from eight recordings in four weeks counts.
    raw = sum(path.stat().st_size for path in (tmp_path / "data" / "raw").rglob("*.zst"))
    assert taken["bytes_per_day"] == round((size - raw) / 28)
    assert taken["days_until_full"] > 0

    began = datetime.now(UTC)
    Runs(tmp_path / "data").write(RunRecord(f"{began:%Y}9", began, began, 1))
    assert (
        "ended with 1 (a check failed). `recspend check` shows which." in examined()[1]["last run"]["words"]
    )


@pytest.mark.parametrize(("free", "state"), [(10**15, "ok"), (10**9, "warn"), (10, "fail")])
def test_doctor_reports_a_full_disk_before_the_next_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"x" * 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    (found,) = disk(tmp_path)
    assert found.state == state
    assert ("Free some space" in found.words) == (state != "ok")


def test_doctor_ignores_a_run_made_with_the_clock_ahead(
    emulated: Callable[..., Emulator], environment: Callable[..., None], tmp_path: Path
) -> None:
    emulator = emulated()
    environment(**of(emulator))
    access = AccountAccess(
        "support", SID, emulator.base_url, SID, emulator.accounts[0].api_token, "signalwire", ""
    )
    now = datetime.now(UTC)
    run_by(lambda: now + timedelta(days=2), [access], tmp_path / "data")
    Runs(tmp_path / "data").write(
        RunRecord("29991123T0", now + timedelta(days=2), now + timedelta(days=2), 0)
    )
    later = datetime.now(UTC)
    Runs(tmp_path / "data").write(RunRecord(f"{later:%Y}9", later, later, 3))
    _, found, _ = examined()
    assert "ended with 3 (the API could not be read)" in found["last run"]["words"]
    coverage = found["coverage support"]
    assert coverage["state"] == "warn"
    assert "read until a time in the future, so a clock is or was wrong" in coverage["words"]


def test_doctor_fails_on_unreadable_parts_and_reports_the_rest(environment: Callable[..., None]) -> None:
    Path("data/.lock").mkdir(parents=True)
    _, found, _ = examined()
    assert found["data folder"]["state"] == "fail"
    assert "cannot be read: [Errno 21] Is a directory" in found["data folder"]["words"]
    assert "disk" in found


def test_doctor_fails_on_a_read_only_folder(environment: Callable[..., None]) -> None:
    Path("file").write_text("no folder")
    environment(RECSPEND_DATA_DIR="file/data")
    code, found, _ = examined()
    assert (code, found["data folder"]["state"]) == (2, "fail")
    environment(RECSPEND_DATA_DIR="data", RECSPEND_METRICS_FILE=str(Path("file/x.prom").absolute()))
    assert examined()[1]["metrics file"]["state"] == "warn"


@pytest.mark.parametrize(
    ("ours", "theirs", "state"),
    [
        ("3.8.8", "3.8.8", "ok"),
        ("3.8.8", "3.10.0", "ok"),
        ("3.10.1", "3.8.8", "warn"),
        ("3.8.8", "2.20.1", "fail"),
    ],
)
def test_prefect_versions_are_compared_as_its_client_does(ours: str, theirs: str, state: str) -> None:
    assert compared("http://127.0.0.1:4200/api", ours, theirs).state == state


def test_doctor_shows_the_file_name_of_a_token(
    emulated: Callable[..., Emulator], environment: Callable[..., None]
) -> None:
    values = of(emulated())
    token = values.pop("RECSPEND_API_TOKEN")
    file = Path("token").absolute()
    file.touch(0o600)
    file.write_text(token)
    environment(**values, RECSPEND_TOKEN_FILE=str(file))
    code, found, shown = examined()
    assert (code, token in shown) == (0, False)
    assert f"the token, from the file {file}, may list" in found["account support"]["words"]


@pytest.mark.slow
def test_doctor_reads_the_prefect_version_only_when_logged_in(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    login = "admin:PT-of-the-server"
    environment = {
        "PATH": os.environ["PATH"],
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }

    def prefect_finding(**more: str) -> tuple[dict[str, Any], str]:
        done = subprocess.run(
            [sys.executable, "-c", "from flows.command.main import main; main()", "doctor", "--json"],
            env=environment | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        (found,) = [each for each in json.loads(done.stdout)["findings"] if each["subject"] == "Prefect"]
        return found, done.stdout + done.stderr

    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port],
        env=environment | {"PREFECT_SERVER_API_AUTH_STRING": login},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 180
        found, shown = prefect_finding(PREFECT_API_AUTH_STRING=login)
        while found["state"] != "ok" and time.monotonic() < until:
            time.sleep(1)
            found, shown = prefect_finding(PREFECT_API_AUTH_STRING=login)
        assert found["client_version"] == found["server_version"] == version("prefect")
        assert login not in shown
        found, _ = prefect_finding()
        assert found["words"].startswith(
            f"http://127.0.0.1:{port}/api refuses the login. Set PREFECT_API_AUTH_"
        )
    finally:
        server.terminate()
        server.wait(60)
