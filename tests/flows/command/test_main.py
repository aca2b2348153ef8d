"""The command: what it prints, where, and how it ends."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flows.command import main as cli
from flows.command import options as cli_options
from flows.emulator import FAULTS, Emulator, Parameters, open_ledger, serve
from flows.run.request import RunRequest
from flows.run.stages import perform
from tests.support.runs.ledger_runs import accesses_of, context_for, ledger_cells, warehouse_cells
from tests.support.samples.raw import page_path

COUNTS = ["requests", "retries", "pages", "rows", "new", "changed", "deleted", "rejected", "unpriced"]
COMMANDS = [
    "demo",
    "run",
    "ingest",
    "normalize",
    "model",
    "report",
    "check",
    "query",
    "close",
    "explain",
    "holidays",
    "status",
    "notify",
    "doctor",
    "serve",
    "deploy",
    "emulator",
    "init",
]
Recspend = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(3, 900, 2), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


@pytest.fixture
def recspend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_settings: None
) -> Recspend:
    """Run the command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recspend", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), output.out, output.err

    return call


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, recspend: Recspend) -> str:
    access = accesses_of(emulator)[0]
    monkeypatch.setenv("RECSPEND_BASE_URL", access.base_url)
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", access.account_sid)
    monkeypatch.setenv("RECSPEND_ACCOUNT_NAME", access.name)
    monkeypatch.setenv("RECSPEND_API_TOKEN", access.token)
    monkeypatch.setenv("RECSPEND_BACKOFF", "0")
    return access.token


@pytest.fixture(scope="module")
def ran(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a first run."""
    data_dir = tmp_path_factory.mktemp("ran") / "data"
    perform(context_for(accesses_of(emulator)[:1], data_dir), RunRequest("run"))
    return data_dir


@pytest.fixture
def filled(account: str, ran: Path, tmp_path: Path) -> str:
    """The account, of which everything was read before."""
    shutil.copytree(ran, tmp_path / "data")
    return account


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(command: str, recspend: Recspend) -> None:
    code, out, _ = recspend(command, "--help")
    assert code == 0
    assert re.search(rf"Example: .?recspend {command}", out)


def test_help_names_every_command(recspend: Recspend) -> None:
    code, out, _ = recspend("--help")
    assert code == 0
    assert all(f" {command} " in out for command in COMMANDS)


HEAVY = {"pyarrow", "duckdb", "pandas", "numpy", "prefect", "requests", "msgspec", "pydantic", "sqlglot"}


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(flag: str) -> None:
    program = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr)); "
        f"sys.argv = ['recspend', {flag!r}]; from flows.command.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "recspend" in done.stdout
    assert "flows.command.main" in loaded
    assert loaded & HEAVY == set()


def test_emulator_help_names_every_fault(recspend: Recspend) -> None:
    _, out, _ = recspend("emulator", "--help")
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", out))
    assert set(FAULTS) <= words
    assert set(cli_options.FAULTS.split(", ")) == set(FAULTS)


def test_run_prints_one_json_object_and_nothing_else(
    account: str, recspend: Recspend, tmp_path: Path
) -> None:
    code, out, _ = recspend("run", "--json")
    assert code == 0
    summary = json.loads(out)
    assert [type(summary[name]) for name in COUNTS] == [int] * len(COUNTS)
    assert (summary["new"], summary["holes"]) == (450, 0)
    assert set(summary["seconds"]) == {"ingest", "normalize", "model", "report"}
    spent = duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True).execute(
        "select currency, sum(cost) from marts.daily_spend where cost is not null group by 1"
    )
    assert {currency: Decimal(cost) for currency, cost in summary["cost"].items()} == dict(spent.fetchall())


def test_stages_one_by_one_equal_a_run(
    account: str,
    recspend: Recspend,
    emulator: Emulator,
    tmp_path: Path,
) -> None:
    for stage in ("ingest", "normalize", "model", "report"):
        code, out, _ = recspend(stage, "--json")
        assert code == 0
        assert json.loads(out)["seconds"].keys() == {stage}
    sid = accesses_of(emulator)[0].account_sid
    expected = {cell: figures for cell, figures in ledger_cells(emulator.totals()).items() if cell[0] == sid}
    assert warehouse_cells(tmp_path / "data") == expected
    assert (tmp_path / "data" / "reports" / "daily_spend.csv").exists()


def test_screen_tables_show_the_figures_of_the_ledger(
    account: str,
    recspend: Recspend,
    emulator: Emulator,
) -> None:
    code, out, _ = recspend("run")
    assert code == 0
    sid = accesses_of(emulator)[0].account_sid
    cells = {cell: figures for cell, figures in ledger_cells(emulator.totals()).items() if cell[0] == sid}
    spent = sum((figures[3] or Decimal(0) for cell, figures in cells.items() if cell[3] == "USD"), Decimal(0))
    unpriced = sum(figures[1] for figures in cells.values())
    row = re.search(r"^support +USD +\d+ +\d+ +(?P<cost>[\d.]+) ", out, re.MULTILINE)
    assert row
    assert Decimal(row["cost"]) == spent
    assert f"{unpriced} recordings have no price yet" in out
    assert max(len(line) for line in out.splitlines() if line.startswith("Start")) <= 80


def test_query_prints_a_table_csv_or_json_with_every_digit(filled: str, recspend: Recspend) -> None:
    select = "select 0.0000001::decimal(18, 9) as tiny, '=1+1' as formula, null as nothing, date '2026-09-01' as day"
    _, table, _ = recspend("query", select)
    assert table.split()[-4:] == ["0.0000001", "=1+1", "-", "2026-09-01"]
    _, text, _ = recspend("query", select, "--format", "csv")
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"tiny": "0.000000100", "formula": "'=1+1", "nothing": "", "day": "2026-09-01"}
    ]
    _, text, _ = recspend("query", select, "--format", "json")
    assert json.loads(text) == [
        {"tiny": "0.000000100", "formula": "=1+1", "nothing": None, "day": "2026-09-01"}
    ]


@pytest.mark.parametrize(
    "statement", ["drop table marts.daily_spend", "selec 1", "select * from marts.nothing", "set x = 1"]
)
def test_query_refuses_wrong_sql_and_writes(filled: str, recspend: Recspend, statement: str) -> None:
    code, out, err = recspend("query", statement)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert "Traceback" not in err


def test_error_without_settings_names_what_is_missing(recspend: Recspend) -> None:
    code, _, err = recspend("run")
    assert code == 2
    assert "RECSPEND_BASE_URL and RECSPEND_ACCOUNT_SID and RECSPEND_API_TOKEN are not set" in err
    assert "recspend demo" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--from", "2026-02-30"], "--from: '2026-02-30' is not a date (use YYYY-MM-DD)"),
        (["run", "--from", "2026-09-02", "--to", "2026-09-01"], "is after the last day, 2026-09-01"),
        (["run", "--from", "2999-01-01"], "is in the future"),
        (["status", "--max-age", "soon"], "'soon' is not a duration. Write it like 26h"),
        (["run", "--account", "nobody"], "There is no account nobody"),
        (["query", "select 1"], "There is no data/warehouse.duckdb yet"),
        (["check"], "There is no data/warehouse.duckdb yet"),
        (["report"], "There is no data/warehouse.duckdb yet"),
        (["report", "--preset", "abacus"], "'cloudzero', 'datadog', 'vantage'"),
        (["report", "--format", "pdf"], "'pdf' is not one of"),
        (["report", "--month", ""], "'' is not a month"),
        (["report", "--show", "waste", "--account", ""], "There is no data/warehouse.duckdb yet"),
        (["report", "--month", "2026-09"], "There is no data/warehouse.duckdb yet"),
        (
            ["report", "--show", "waste", "--out", "x"],
            "--show can only be combined with --month, --account and --json",
        ),
        (
            ["report", "--month", "2026-09", "--open"],
            "The page and the files of --preset always hold everything",
        ),
        (["close", "2026-09"], "No day has been read yet"),
        (["close", "September"], "'September' is not a month"),
        (["explain", "daily_spend"], "There is no data/warehouse.duckdb yet"),
        (["explain", "spend"], "There is no mart spend. Did you mean spend_weeks?"),
        (["emulator", "--fault", "gremlins"], "gremlins"),
        (["emulator", "totals", "--replay", "."], "The emulator has nothing to serve"),
        (["emulator", "--seed", "4", "totals"], "Put --seed after the word totals"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    account: str,
    recspend: Recspend,
    arguments: list[str],
    said: str,
) -> None:
    code, out, err = recspend(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_refused_token_is_exit_code_3_and_names_the_variable(
    account: str,
    recspend: Recspend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECSPEND_API_TOKEN", "not-the-token")
    code, out, err = recspend("run", "--json")
    assert code == 3
    assert "RECSPEND_API_TOKEN" in json.loads(out)["failed"]["support"]
    assert "not-the-token" not in out + err
    assert account not in out + err


def test_failing_account_does_not_stop_the_others(
    emulator: Emulator, recspend: Recspend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    support, sales = accesses_of(emulator)
    entries = [
        f'[[accounts]]\nname = "{access.name}"\nbase_url = "{access.base_url}"\n'
        f'account_sid = "{access.account_sid}"\ntoken_env = "TOKEN_{access.name.upper()}"\n'
        for access in (support, sales)
    ]
    (tmp_path / "recspend.toml").write_text("\n".join(entries))
    monkeypatch.setenv("TOKEN_SUPPORT", "wrong")
    monkeypatch.setenv("TOKEN_SALES", sales.token)
    code, out, _ = recspend("run", "--json")
    summary = json.loads(out)
    assert (code, list(summary["failed"]), summary["new"]) == (3, ["support"], 450)
    assert summary["holes"] > 0  # the account that was never read is one long hole
    monkeypatch.setenv("TOKEN_SUPPORT", support.token)
    code, out, _ = recspend("run", "--json", "--account", "support")
    assert (code, json.loads(out)["new"], json.loads(out)["holes"]) == (0, 450, 0)


def test_failed_check_is_exit_code_1_and_keeps_the_reports(
    filled: str, recspend: Recspend, tmp_path: Path
) -> None:
    report = tmp_path / "data" / "reports" / "daily_spend.csv"
    report.write_text("as it was\n")
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as connection:
        connection.execute("insert into marts.daily_spend select * from marts.daily_spend limit 1")
        connection.execute("update ops.checks set is_passed = false where name = 'keys_are_unique'")
    code, out, _ = recspend("check")
    assert code == 1
    assert "failed  Check keys_are_unique found 1 row." in out
    assert "failed  Check marts_sum_to_fact" in out
    code, _, err = recspend("report")
    assert code == 1
    assert "keys_are_unique" in err
    assert report.read_text() == "as it was\n"


def test_emulator_totals_equal_those_of_the_served_ledger(recspend: Recspend, emulator: Emulator) -> None:
    code, out, _ = recspend("emulator", "totals", "--seed", "3", "--recordings", "900", "--accounts", "2")
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(emulator.totals()))


@pytest.mark.slow
def test_emulator_explains_itself_serves_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from flows.command.main import main; main()",
        "emulator",
        "--recordings",
        "10",
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONUNBUFFERED": "1",
        "RECSPEND_REPORT_PAGE": "false",
    }
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        settings = dict(word.split("=", 1) for word in process.stdout.readline().split() if "=" in word)
        run = [sys.executable, "-c", "from flows.command.main import main; main()", "run", "--json"]
        settings["RECSPEND_DATA_DIR"] = str(tmp_path / "data")
        summary = json.loads(
            subprocess.run(run, env=environment | settings, capture_output=True, check=True).stdout
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert summary["new"] == 4


def test_demo_needs_no_account_and_equals_its_ledger(recspend: Recspend, tmp_path: Path) -> None:
    code, out, _ = recspend("demo", "--recordings", "600", "--seed", "5")
    assert code == 0
    assert all(title in out for title in ("Spend by source", "Spend by channels", "Spend by account"))
    assert "CSV: data/demo/reports" in out
    _, totals, _ = recspend("emulator", "totals", "--recordings", "600", "--seed", "5")
    assert warehouse_cells(tmp_path / "data" / "demo") == ledger_cells(json.loads(totals))
    code, out, _ = recspend(
        "demo", "--recordings", "60", "--seed", "6", "--json"
    )  # again, with other recordings
    assert (code, json.loads(out)["new"]) == (0, 60)
    _, totals, _ = recspend("emulator", "totals", "--recordings", "60", "--seed", "6")
    assert warehouse_cells(tmp_path / "data" / "demo") == ledger_cells(json.loads(totals))


def test_demo_does_not_touch_a_folder_with_other_files(recspend: Recspend, tmp_path: Path) -> None:
    mine = tmp_path / "data" / "demo" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("keep")
    code, _, err = recspend("demo", "--recordings", "10", "--json")
    assert code == 2
    assert "do not belong to the demo" in err
    assert mine.read_text() == "keep"


@pytest.mark.slow
def test_close_happens_once_and_shows_what_was_missing(
    filled: str, recspend: Recspend, emulator: Emulator, tmp_path: Path
) -> None:
    code, out, err = recspend("close", "2026-08")
    assert (code, out) == (2, "")
    assert re.search(
        r"Error: 2026-08 is not complete: \d+ recordings have no price\..* --accept-incomplete", err
    )
    code, out, _ = recspend("close", "2026-08", "--accept-incomplete", "--json")
    assert code == 0
    sealed = json.loads(out)
    assert sealed == json.loads((tmp_path / "data" / "statements" / "2026-08" / "statement.json").read_text())
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as connection:
        spent = connection.execute(
            "select currency, sum(cost), count(*) filter (where is_awaiting_price) from marts.fct_recordings "
            "where usage_date between '2026-08-01' and '2026-08-31' group by 1 order by 1"
        ).fetchall()
    rows = sealed["statement"]["rows"]
    unpriced = 0
    for currency, cost, without_price in spent:
        costs = [
            Decimal(row["cost"]) for row in rows if row["currency"] == currency and row["cost"] is not None
        ]
        assert sum(costs) == (cost or 0)
        unpriced += without_price
    assert sealed["statement"]["missing"] == {"holes": [], "unpriced_recordings": unpriced, "rejects": 0}
    code, out, err = recspend("close", "2026-08", "--accept-incomplete")
    assert (code, out) == (2, "")
    assert "2026-08 is already closed" in err
    code, out, _ = recspend("close", "2026-09", "--accept-incomplete")
    assert code == 0
    assert re.search(r"^Statement of 2026-09\n", out)
    assert re.search(r"Missing: \d+ recordings have no price\.\nClosed at .* sha256 [0-9a-f]{64}", out)
    code, out, _ = recspend("run", "--json")
    assert (code, json.loads(out)["failed_checks"]) == (0, [])
    assert (tmp_path / "data" / "reports" / "adjustments.csv").exists()
    statement = tmp_path / "data" / "statements" / "2026-09" / "statement.json"
    statement.write_text(statement.read_text().replace('"recordings": 1', '"recordings": 2', 1))
    code, _, err = recspend("model")
    assert code == 2
    assert "statement.json was changed after 2026-09 was closed" in err


def test_explain_prints_table_csv_and_json(filled: str, recspend: Recspend, tmp_path: Path) -> None:
    key = ("spend_by_source", "month=2026-09", "source=DialVerb")
    _, text, _ = recspend(
        "query",
        "select * from marts.fct_recordings where usage_date >= '2026-09-01' and source = 'DialVerb'",
        *("--format", "csv"),
    )
    expected = {row["recording_sid"]: row["raw_page"] for row in csv.DictReader(io.StringIO(text))}
    assert len(expected) > 20
    code, text, _ = recspend("explain", *key, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (code, {row["recording_sid"]: row["raw_page"] for row in rows}) == (0, expected)
    assert {row["is_verified"] for row in rows} == {"true"}
    code, text, _ = recspend("explain", *key, "--format", "json")
    told = json.loads(text)
    assert (code, told["mart"], told["asked"], told["problems"]) == (
        0,
        "marts.spend_by_source",
        list(key[1:]),
        [],
    )
    assert {row["recording_sid"] for row in told["recordings"]} == expected.keys()
    assert [{**figure, "rows": 1} for figure in told["sums"]] == told["figures"]
    code, text, _ = recspend("explain", *key, "--rows", "1")
    assert code == 0
    assert f"{len(expected)} of {len(expected)} recordings were verified in" in text
    assert f"--format csv prints all {len(expected)}." in text
    assert sum(sid in text for sid in expected) == 1
    page = page_path(tmp_path / "data", next(iter(expected.values())))
    page.write_bytes(page.read_bytes()[:-1])
    for output in ("table", "csv", "json"):
        code, text, err = recspend("explain", *key, "--format", output)
        assert code == 1
        assert "NOT VERIFIED: raw/" in err
        assert "is not the page that was received" in err


def test_show_prints_csv_in_a_pipe_and_a_table_on_a_terminal(
    filled: str, recspend: Recspend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ("report", "--show", "spend_by_source", "--month", "2026-09")
    code, text, _ = recspend(*command)
    _, expected, _ = recspend(
        *("query", "select * from marts.spend_by_source where month = '2026-09-01' order by all"),
        *("--format", "csv"),
    )
    assert (code, text) == (0, expected)
    assert text.count("\n") > 5
    assert recspend(*command, "--account", "support")[1] == text  # the only account
    assert json.loads(recspend(*command, "--json")[1])[0]["month"] == "2026-09-01"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    _, table, _ = recspend(*command)
    lines = table.splitlines()
    assert lines[0].strip() == "spend_by_source 2026-09"
    assert max(map(len, lines)) <= 80
    assert all(row["source"] in table for row in csv.DictReader(io.StringIO(text)))
    assert "█" in table


def test_show_names_a_mart_that_does_not_exist(filled: str, recspend: Recspend) -> None:
    for arguments, said in (
        (["--show", "spend_by_sorce"], "Did you mean spend_by_source? There are account_days,"),
        (["--show", "waste", "--month", "1999-01"], "There is no data for 1999-01. Available: 2026-06"),
        (["--show", "waste", "--account", "suport"], "Did you mean support? There are support."),
        (["--show", "unpriced_backlog", "--month", "2026-09"], "unpriced_backlog can't be filtered by month"),
    ):
        code, out, err = recspend("report", *arguments)
        assert (code, out) == (2, "")
        assert said in err


@pytest.mark.slow
def test_extract_says_where_it_is_and_what_is_left_out(
    filled: str, recspend: Recspend, tmp_path: Path
) -> None:
    code, out, err = recspend("report", "--month", "2026-09", "--format", "xlsx", "--out", "september")
    assert code == 0
    assert out.endswith(f"Wrote 2 files to {tmp_path / 'september'} (2 changed).\n")
    assert "unpriced_backlog is left out: it describes the newest day only" in err
    assert {path.name for path in (tmp_path / "september").iterdir()} == {"recspend.xlsx", "manifest.json"}
    code, out, _ = recspend("report", "--account", "support", "--mart", "waste", "--json")
    said = json.loads(out)
    assert (code, said["files"], said["left_out"]) == (0, ["waste.csv", "manifest.json"], {})
    assert (Path(said["folder"]) / "waste.csv").exists()
    assert not (tmp_path / "data" / "reports" / "recspend.xlsx").exists()
    assert recspend("report", "--format", "xlsx", "--json")[0] == 0
    assert (tmp_path / "data" / "reports" / "recspend.xlsx").exists()


@pytest.mark.slow
def test_run_ends_with_what_changed_since_the_last_run(account: str, recspend: Recspend) -> None:
    _, first, _ = recspend("run")
    assert re.search(r"^Since the beginning: 450 new, 0 changed, 0 deleted; \+[\d.,]+ USD\.$", first, re.M)
    mover = r"support \w+ \+[\d.]+ USD"
    assert re.search(rf"^Largest changes: {mover}, {mover}, {mover}$", first, re.M)
    _, second, _ = recspend("run")
    assert re.search(r"^Nothing changed since the previous run \(\d{4}-", second, re.M)
    _, third, _ = recspend("run", "--json")
    since = json.loads(third)["since"]
    assert (since["new"], since["cost"], since["movers"]) == (0, {}, [])
    assert since["before"] is not None


def test_serve_says_what_is_missing_before_it_starts(recspend: Recspend) -> None:
    code, out, err = recspend("serve")
    assert (code, out) == (2, "")
    assert "RECSPEND_BASE_URL and RECSPEND_ACCOUNT_SID and RECSPEND_API_TOKEN are not set" in err


def test_serve_says_that_its_port_is_taken(account: str, recspend: Recspend, emulator: Emulator) -> None:
    port = emulator.base_url.rpartition(":")[2]
    code, _, err = recspend("serve", "--port", port)
    assert code == 2
    assert f"Port {port} is in use" in err
    assert f"PREFECT_API_URL=http://127.0.0.1:{port}/api" in err


def test_deploy_needs_a_server(account: str, recspend: Recspend) -> None:
    code, out, err = recspend("deploy", "--work-pool", "local")
    assert (code, out) == (2, "")
    assert "PREFECT_API_URL is not set" in err
