"""A run notifies each channel once; a notification error is only a warning."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest

from flows.command import main as cli
from flows.emulator import open_living, serve
from flows.monitor import notify
from flows.run import lifecycle
from flows.run.lifecycle import Run, begun, notified
from flows.run.request import Command, RunContext, RunRequest, context_of
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.settings.loading import load
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess
from flows.stores.folder.notified import Notified
from flows.stores.warehouse.checks import CheckResult
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, in_haste, made
from tests.support.samples.summaries import summary_of
from tests.support.servers.receivers import PATH, Hook, hook, mail_box
from transforms.errors import ConfigError
from transforms.model.models import Check
from transforms.monitor.findings import Finding
from transforms.monitor.messages import Message

SID = ACCOUNTS[0]
BUDGET = Finding("budget.exceeded", "2026-09 all USD", "It is exceeded.", {"cost": "5.000000000"})
HOLE = Finding("holes.found", "A1 2026-09-03", "x", {"account_sid": "A1", "first_day": "2026-09-03"})


@pytest.fixture
def received() -> Iterator[Hook]:
    with hook() as running:
        yield running


class Runs:
    """Successive runs whose warehouse holds the given findings and which notify a webhook."""

    def __init__(self, data_dir: Path, received: Hook) -> None:
        self.received = received
        self.channels: list[dict[str, Any]] = [{"kind": "webhook", "url": received.url}]
        self.data_dir = data_dir
        self.accounts = [self._access("support"), self._access("sales")]
        self.names = {access.account_sid: access.name for access in self.accounts}
        self.announced: list[str] | None = None

    def run(
        self,
        *found: Finding,
        summary: RunSummary | None = None,
        command: Command = "run",
        raises: BaseException | None = None,
        account: str | None = None,
    ) -> RunSummary:
        """Make a run that returns a summary or raises."""

        def findings(_: Path, *, with_figures: bool) -> list[Finding]:
            return [each for each in found if with_figures or each.kind == "holes.found"]

        summary = summary or RunSummary()
        accounts = [access for access in self.accounts if account in (None, access.name)]
        context = RunContext(
            load(data_dir=self.data_dir, notify=self.channels),
            accounts,
            self.names,
            announce=self._announce,
        )
        run = Run(context, RunRequest(command, account=account), accounts, summary)
        with patch.object(lifecycle, "findings_now", findings), notified(run):
            if raises:
                raise raises
        return summary

    def sent(self, *found: Finding, **values: Any) -> list[str]:
        """Return the keys that a run posts."""
        before = len(self.received.posted)
        self.run(*found, **values)
        return [each["key"] for _, body in self.received.posted[before:] for each in body["findings"]]

    def ends_early(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            self.run(raises=error)

    @property
    def _announce(self) -> Any:
        heard = self.announced
        if heard is None:
            return None

        def hear(message: Message) -> None:
            heard.extend(finding.key for finding in message.findings)

        return hear

    @staticmethod
    def _access(name: str) -> AccountAccess:
        return AccountAccess(name, f"sid-{name}", "https://x.example", name, "PTnone", "signalwire", "TOKEN")


@pytest.fixture
def runs(tmp_path: Path, received: Hook) -> Runs:
    return Runs(tmp_path, received)


def test_finding_is_sent_once_and_again_when_it_returns(runs: Runs) -> None:
    assert runs.sent(BUDGET) == [BUDGET.key]
    assert runs.sent(BUDGET) == []
    assert runs.sent(BUDGET, HOLE) == [HOLE.key]
    assert runs.sent() == []
    assert runs.sent(BUDGET) == [BUDGET.key]


def test_unreadable_account_is_reported_once_while_it_lasts(runs: Runs) -> None:
    failed = summary_of(failed={"support": "It answers 401."})
    assert runs.sent(summary=failed) == ["run.failed account support"]
    assert (
        runs.received.posted[0][1]["findings"][0]["sentence"] == "support could not be read. It answers 401."
    )
    assert runs.sent(summary=failed) == []
    runs.accounts.pop(0)
    assert runs.sent() == []  # of the other account only, which does not affect this one
    runs.accounts.insert(0, Runs._access("support"))
    assert runs.sent(summary=failed) == []
    assert runs.sent() == []
    assert runs.sent(summary=failed) == ["run.failed account support"]


def hole(account: str, first_day: date) -> Finding:
    sid = f"sid-{account}"
    facts: dict[str, str | None] = {"account_sid": sid, "first_day": f"{first_day}"}
    return Finding("holes.found", f"{sid} {first_day}", "It was not read.", facts)


def test_new_gap_of_another_account_is_left_to_its_own_run(runs: Runs) -> None:
    today = datetime.now(UTC).date()
    young = hole("sales", today - timedelta(days=1))
    assert runs.sent(young, account="support") == []
    assert runs.sent(young, account="sales") == [young.key]
    assert runs.sent(young, account="support") == []
    assert runs.sent(young) == []  # it is still there and was already sent
    old, own = hole("sales", today - timedelta(days=2)), hole("support", today)
    assert runs.sent(young, old, own, account="support") == [old.key, own.key]


def test_failed_checks_are_sent_and_figure_findings_wait(runs: Runs) -> None:
    new = Finding(BUDGET.kind, "2026-10 all USD", BUDGET.sentence, {})
    check = CheckResult(
        Check("keys_are_unique", "x.sql", "select 1", "fail", "A row twice counts twice."), 2, []
    )
    runs.sent(BUDGET)
    assert runs.sent(new, HOLE, summary=summary_of(checks=[check])) == [
        "checks.failed keys_are_unique",
        HOLE.key,
    ]
    assert runs.sent(BUDGET, new, HOLE) == [new.key]


def test_single_stages_send_nothing(runs: Runs, tmp_path: Path) -> None:
    commands: tuple[Command, ...] = ("ingest", "normalize", "model", "report")
    for command in commands:
        assert runs.sent(BUDGET, command=command) == []
        with pytest.raises(ValueError, match="x"):
            runs.run(command=command, raises=ValueError("x"))
    assert runs.received.posted == []
    assert list(tmp_path.iterdir()) == []


def test_failed_channel_warns_and_is_retried_by_the_next_run(
    runs: Runs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = tmp_path / "got"
    runs.channels.append({"kind": "command", "command": ["tee", "-a", str(got)]})
    runs.received.status = 500
    summary = runs.run(BUDGET, HOLE)
    assert summary.exit_code == 0
    assert summary.warnings == {
        "notify webhook": "Channel webhook was not notified: The webhook did not accept the message. It responded with "
        "status 500. Check that its address is still valid."
    }
    assert summary.warnings["notify webhook"] in caplog.text
    assert len(runs.received.posted) == 1  # if the first is refused, the others are not tried
    runs.received.status = 200
    assert runs.sent(BUDGET, HOLE) == [HOLE.key, BUDGET.key]
    assert runs.sent(BUDGET, HOLE) == []
    assert [json.loads(line)["findings"][0]["key"] for line in got.read_text().splitlines()] == [
        HOLE.key,
        BUDGET.key,
    ]


def test_unexpected_error_in_one_channel_skips_no_other(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    runs.channels.insert(0, {"kind": "command", "command": ["true"]})
    runs.announced = []
    with patch("flows.monitor.channels.program.hand_over", side_effect=IndexError(PATH)):
        summary = runs.run(BUDGET)
    assert summary.warnings == {"notify command": "Channel command was not notified: IndexError."}
    assert runs.received.events == ["recspend.budget.exceeded"]
    assert runs.announced == [BUDGET.key]
    assert PATH not in caplog.text


def test_all_channels_are_sent_when_the_list_cannot_be_saved(runs: Runs, tmp_path: Path) -> None:
    got = tmp_path / "got"
    runs.channels.append({"kind": "command", "command": ["tee", "-a", str(got)]})
    runs.announced = []
    with patch(
        "flows.stores.folder.notified.write_if_changed", side_effect=OSError(28, "No space left on device")
    ):
        summary = runs.run(BUDGET, HOLE)
    assert summary.warnings == {
        "notify": "Could not save the list of sent notifications (No space left on device); the next run will send "
        "them again."
    }
    assert runs.received.events == ["recspend.holes.found", "recspend.budget.exceeded"]
    assert len(got.read_text().splitlines()) == len(runs.announced) == 2
    assert runs.sent(BUDGET, HOLE) == [HOLE.key, BUDGET.key]
    assert runs.sent(BUDGET, HOLE) == []


def slowly(got: Path) -> dict[str, Any]:
    """Make a slow channel; the file gets a line for each message."""
    return {"kind": "command", "command": ["sh", "-c", f"sleep 0.3; cat >>'{got}'"]}


def fails_to_start(settings: Settings) -> None:
    with pytest.raises(ConfigError), begun(context_of(settings), RunRequest()):
        raise ConfigError("No disk. Buy one.")


def test_two_runs_ending_together_send_a_finding_once(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, notify=[slowly(tmp_path / "got")])
    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(fails_to_start, settings) for _ in range(2)]:
            ended.result()
    assert len((tmp_path / "got").read_text().splitlines()) == 1


def test_run_looks_for_findings_only_when_it_is_its_turn(runs: Runs, tmp_path: Path) -> None:
    runs.sent(BUDGET)
    with ThreadPoolExecutor(1) as pool:
        with Notified(tmp_path).locked():
            waiting = pool.submit(runs.run, BUDGET, HOLE)
            time.sleep(0.3)
            assert not waiting.done()
            Notified(tmp_path).write({"webhook": {BUDGET.key, HOLE.key}})
        waiting.result()
    assert runs.received.events == ["recspend.budget.exceeded"]


def test_run_without_its_turn_warns_and_the_next_one_sends(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stores.folder.notified._WAIT_SECONDS", 0.2)
    with Notified(tmp_path).locked():
        summary = runs.run(BUDGET)
    assert summary.warnings["notify"].startswith(
        f"No notifications could be sent: Another process has held {tmp_path / '.notified.lock'} for"
    )
    assert runs.received.posted == []
    assert runs.sent(BUDGET) == [BUDGET.key]


def test_all_channels_are_sent_without_a_working_lock(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / ".notified.lock").mkdir()
    assert runs.sent(BUDGET) == [BUDGET.key]


def test_messages_sent_by_a_killed_run_are_not_repeated(runs: Runs) -> None:
    runs.channels.append({"kind": "command", "command": ["true"]})
    killed = patch("flows.monitor.channels.program.hand_over", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        runs.run(BUDGET)
    assert runs.received.events == ["recspend.budget.exceeded"]
    assert runs.sent(BUDGET) == []


def test_run_result_is_unchanged_by_any_notification_error(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(notify, "_notify_each", side_effect=ValueError(PATH)):
        summary = runs.run(BUDGET)
        runs.ends_early(ConfigError("No disk. Buy one."))
    assert summary.warnings == {"notify": "No notifications could be sent: ValueError."}
    assert PATH not in caplog.text


def test_findings_are_announced_once_and_cleared_by_any_run(runs: Runs) -> None:
    runs.channels, runs.announced = [], []
    runs.run(BUDGET, HOLE)
    assert runs.announced == [HOLE.key, BUDGET.key]
    runs.run(BUDGET, HOLE)
    assert len(runs.announced) == 2
    runs.channels, runs.announced = [{"kind": "webhook", "url": runs.received.url}], None
    assert runs.sent(BUDGET) == [BUDGET.key]
    runs.announced = []
    assert runs.sent(BUDGET, HOLE) == [HOLE.key]
    assert runs.announced == [HOLE.key]


def test_run_that_raises_is_sent_and_earlier_findings_are_kept(runs: Runs) -> None:
    runs.sent(BUDGET)
    runs.ends_early(ValueError(PATH))
    assert runs.received.events == ["recspend.budget.exceeded", "recspend.run.failed"]
    sent = runs.received.posted[1][1]
    assert (
        sent["findings"][0]["sentence"] == "The run ended early. An unexpected error occurred (ValueError)."
    )
    assert PATH not in json.dumps(sent)
    runs.ends_early(ValueError(PATH))
    runs.ends_early(KeyboardInterrupt())
    assert runs.sent(BUDGET) == []
    runs.ends_early(ConfigError("The folder is taken. Wait."))
    assert (
        runs.received.posted[-1][1]["findings"][0]["sentence"]
        == "The run ended early. The folder is taken. Wait."
    )


def test_missing_token_is_reported_by_a_run_but_not_by_a_stage(tmp_path: Path, received: Hook) -> None:
    settings = load(data_dir=tmp_path, notify=[{"kind": "webhook", "url": received.url}])
    for request in (RunRequest("ingest"), RunRequest("run"), RunRequest("run")):
        with pytest.raises(ConfigError):
            perform(context_of(settings), request)
    assert received.events == ["recspend.run.failed"]
    assert "RECSPEND_API_TOKEN" in received.posted[0][1]["text"]


ENTRIES = [
    {"name": name, "account_sid": f"sid-{name}", "base_url": "https://x.example", "token_env": variable}
    for name, variable in (("support", "NOT_SET_HERE"), ("sales", "SALES_TOKEN"))
]


@pytest.mark.parametrize("failing", ["support", "sid-support", "supprt"])
def test_alternating_failed_and_good_accounts_send_once(
    failing: str, runs: Runs, tmp_path: Path, received: Hook
) -> None:
    settings = load(data_dir=tmp_path, notify=runs.channels, accounts=ENTRIES)
    for _ in range(3):
        with pytest.raises(ConfigError):
            perform(context_of(settings), RunRequest(account=failing))
        assert runs.run(account="sales").warnings == {}
    assert received.events == ["recspend.run.failed"]
    (finding,) = received.posted[0][1]["findings"]
    name = failing.removeprefix("sid-")
    assert finding["key"] == f"run.failed account {name}"
    assert finding["sentence"].startswith(f"The run of {name} ended early. ")
    assert runs.sent() == []
    with pytest.raises(ConfigError):
        perform(context_of(settings), RunRequest(account=failing))
    assert received.events == ["recspend.run.failed"] * 2  # because it succeeded in between


def test_failed_run_finding_clears_after_a_full_run_succeeds(runs: Runs) -> None:
    runs.ends_early(ConfigError("No disk. Buy one."))
    runs.sent(account="sales")
    runs.ends_early(ConfigError("No disk. Buy one."))
    assert runs.received.events == ["recspend.run.failed"]
    runs.sent()
    runs.ends_early(ConfigError("No disk. Buy one."))
    assert runs.received.events == ["recspend.run.failed"] * 2


def test_findings_are_sent_again_when_the_list_is_unreadable(
    runs: Runs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs.sent(BUDGET)
    (tmp_path / "notified.json").write_text("{")
    assert runs.sent(BUDGET) == [BUDGET.key]
    assert "findings will be sent again" in caplog.text


class World:
    """A ledger of twelve recordings of 0.01 USD, one a day, and whole runs over it."""

    def __init__(self, data_dir: Path, received: Hook) -> None:
        self.data_dir, self.received = data_dir, received
        recordings = [
            made(SID, n, epoch_of(date(2026, 9, 19 + n % 11), n), source="DialVerb", price=Decimal("-0.01"))
            for n in range(12)
        ]
        self.source = open_living(recordings, now=epoch_of(date(2026, 9, 30), 36_000))

    def budget(self, amount: str) -> None:
        """Set the budget of all accounts together from September on."""
        file = self.data_dir / "reference" / "budgets.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"account_sid,valid_from,currency,amount\n,2026-09,USD,{amount}\n")

    def run(self) -> RunSummary:
        self.source.ledger.advance(3600)
        with in_haste(100), serve(self.source) as emulator:
            accounts = [replace(each, name="support") for each in accesses_of(emulator)]
            context = context_by(clock_of(self.source.ledger), accounts, self.data_dir)
            channels = [{"kind": "webhook", "url": self.received.url}]
            settings = context.settings.model_copy(update={"notify": load(notify=channels).notify})
            return perform(
                replace(context, settings=settings, names={SID: "support"}),
                RunRequest("run", date(2026, 9, 1)),
            )


def test_whole_runs_send_warehouse_findings_once_and_no_secret(
    tmp_path: Path,
    received: Hook,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    world = World(tmp_path / "data", received)
    world.budget("0.05")
    received.status = 500
    warned = world.run()
    assert list(warned.warnings) == ["notify webhook"]
    received.status = 200
    world.run()
    assert received.events == ["recspend.budget.exceeded"] * 2
    ((_, body),) = received.posted[1:]
    (finding,) = body["findings"]
    assert finding["sentence"] == (
        "All accounts together: 0.12 USD (240.00 %) was spent in 2026-09, above the budget of 0.05 USD."
    )
    assert finding["facts"]["cost"] == "0.120000000"
    world.run()
    assert len(received.posted) == 2

    monkeypatch.chdir(tmp_path)
    Path("recspend.toml").write_text(
        f"[[notify]]\nkind = 'webhook'\nurl = '{received.url}'\n"
        "[[notify]]\nkind = 'command'\ncommand = ['true']\nname = 'pager'\n"
    )
    assert recspend("notify", monkeypatch) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"budget.exceeded: {finding['sentence']}",
        "  webhook: notified",
        "  pager: not notified yet",
    ]
    Path("recspend.toml").unlink()

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "data" / "notified.json" in files
    assert [path for path in files if PATH.encode() in path.read_bytes()] == []
    assert PATH not in caplog.text + repr(warned) + shown.err


def test_pending_shows_what_a_run_finds_and_failures_still_open(
    tmp_path: Path, received: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recspend.toml").write_text(f"[[notify]]\nkind = 'webhook'\nurl = '{received.url}'\n")
    world = World(tmp_path / "data", received)
    fails_to_start(load(notify=[{"kind": "webhook", "url": received.url}]))
    assert shown(monkeypatch, capsys) == [
        "run.failed: A run ended early, and no run of all accounts has succeeded since.",
        "  webhook: notified",
    ]
    world.budget("0.05")
    world.run()
    assert [line.partition(":")[0] for line in shown(monkeypatch, capsys)[::2]] == ["budget.exceeded"]

    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "update ops.checks set is_passed = false, offending_rows = 2, why = 'It matters.' "
            "where name = (select min(name) from ops.checks where severity = 'fail') returning name"
        )
        ((check,),) = warehouse.fetchall()
    Notified(tmp_path / "data").write({"webhook": {"run.failed account support", BUDGET.key}})
    assert shown(monkeypatch, capsys) == [
        "run.failed: support could not be read, or its run ended early. It has not been read since.",
        "  webhook: notified",
        f"checks.failed: The check {check} found 2 rows. It matters.",
        "  webhook: not notified yet",
    ]


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of the command that shows current findings."""
    assert recspend("notify", monkeypatch) == 0
    return capsys.readouterr().out.splitlines()


def recspend(arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["recspend", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_every_channel_can_be_tested(
    tmp_path: Path, received: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK", received.url)
    with mail_box(tmp_path) as box:
        Path("recspend.toml").write_text(
            f"""
            [[notify]]
            kind = "webhook"
            url_env = "HOOK"

            [[notify]]
            kind = "email"
            name = "finance"
            host = "127.0.0.1"
            port = {box.port}
            security = "none"
            from = "recspend@example.com"
            to = ["finance@example.com"]
            on = ["budget.exceeded"]

            [[notify]]
            kind = "command"
            command = ["false"]
            """
        )
        assert recspend("notify --test", monkeypatch) == 2
        all_of_them = capsys.readouterr()
        assert recspend("notify --test --channel finance", monkeypatch) == 0
        one = capsys.readouterr()
    assert all_of_them.err.splitlines() == [
        "webhook: ok",
        "finance: ok",
        "command: failed. The command false ended with exit code 1. Check its output.",
    ]
    assert one.err == "finance: ok\n"
    assert received.events == ["recspend.test"]
    assert [mail["Subject"] for mail in box.mails] == ["recspend: This is a test"] * 2


def test_unexpected_channel_error_does_not_stop_the_other_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recspend.toml").write_text(
        "[[notify]]\nkind = 'webhook'\nurl = 'https://x.example'\n[[notify]]\nkind = 'command'\ncommand = ['true']\n"
    )
    with patch("flows.monitor.channels.webhook.post", side_effect=IndexError(PATH)):
        assert recspend("notify --test", monkeypatch) == 2
    assert capsys.readouterr().err.splitlines() == ["webhook: failed. IndexError.", "command: ok"]


def test_notify_command_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert recspend("notify --test", monkeypatch) == 2
    assert (
        capsys.readouterr().err
        == "Error: No channel is configured. Add a [[notify]] entry to recspend.toml.\n"
    )
    assert recspend("notify --test --channel pager", monkeypatch) == 2
    assert capsys.readouterr().err.endswith("needs --test and the name of a channel. Channels: none.\n")
    assert recspend("notify", monkeypatch) == 0
    assert capsys.readouterr().err == "No findings.\n"
