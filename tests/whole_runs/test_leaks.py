"""No token in anything that a run writes, prints or logs, whatever the API answers and however the run ends."""

import io
import json
import logging
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import traceback
from base64 import b64decode, b64encode, encodebytes
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.command import main as cli
from flows.emulator import Parameters, Source, open_ledger, serve
from flows.emulator.http.messages import Answer, HttpRequest, Response, json_bytes
from flows.stores.raw.frames import compress
from tests.support import page
from tests.support.leaks import forms_of, leaks, loose_tongued, repeated_credentials
from tests.support.runs.ledger_runs import accesses_of, environment_of
from tests.support.runs.watched import text_of

TOKEN = "PT/0f1e+2d3c:4b5a6978"
"""Return a token that looks different in a URL and in Base64."""

Said = dict[str, str]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Return a small account with that token."""
    served = open_ledger(Parameters(3, 90, 1), tmp_path_factory.mktemp("rendered"))
    (account,) = served.accounts
    own = b64encode(f"{account.account_sid}:{account.api_token}".encode()).decode()

    def answer(request: HttpRequest) -> Response:
        if request.credentials() == (account.account_sid, TOKEN):
            return served.answer(replace(request, authorization=f"Basic {own}"))
        return served.answer(request)

    return replace(served, accounts=[replace(account, api_token=TOKEN)], answer=answer)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Capture the output of all loggers, of any library and level."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def recspend(
    source: Source,
    tmp_path: Path,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, Said]]:
    """Run the command with --debug against a source; return the exit code and all output."""

    def call(answer: Answer, *arguments: str, **more: str) -> tuple[int, Said]:
        with serve(replace(source, answer=answer)) as emulator:
            given = environment_of(accesses_of(emulator)[0], tmp_path / "data") | {"RECSPEND_BACKOFF": "0"}
            monkeypatch.setattr(os, "environ", os.environ.copy() | given | more)
            monkeypatch.setattr(sys, "argv", ["recspend", "--debug", *arguments])
            trace, code = "", 0
            try:
                cli.main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
            except Exception:
                trace, code = traceback.format_exc(), -1
        shown = capsys.readouterr()
        return code, {
            "output": shown.out,
            "errors": shown.err,
            "log": logged.getvalue(),
            "traceback": trace,
        }

    return call


@pytest.fixture
def forms(source: Source) -> list[bytes]:
    return forms_of(source.accounts[0].account_sid, TOKEN)


def test_errors_that_repeat_the_token_leave_none_in_files(
    source: Source, recspend: Callable[..., tuple[int, Said]], forms: list[bytes], tmp_path: Path
) -> None:
    code, said = recspend(loose_tongued(source).answer, "run", "--json")
    summary = json.loads(said["output"])
    assert (code, summary["new"], summary["failed"]) == (0, 90, {})
    assert summary["retries"] > 3
    assert "attempt" in said["errors"]
    assert "GET /api/laml/2010-04-01/Accounts/" in said["log"]
    assert {path.name for path in (tmp_path / "data").iterdir()} >= {"raw", "runs", "state", "told.json"}
    assert leaks(forms, said, tmp_path) == []


def page_with(usual: Response, **more: Any) -> Response:
    """Return the usual page with extra fields."""
    return Response(200, (json_bytes(json.loads(text_of(usual)) | more),))


def refusing(status: int) -> Callable[[HttpRequest, Response], Response]:
    """Return that status, with the credentials in the body and in headers."""

    def instead(request: HttpRequest, _: Response) -> Response:
        said = repeated_credentials(request)
        body = json.dumps({"code": 20001, "message": said}).encode()
        return Response(status, (body,), dict.fromkeys(("Location", "WWW-Authenticate", "X-Echo"), said))

    return instead


ANSWERS: dict[str, tuple[Callable[[HttpRequest, Response], Response], str]] = {
    "status 302": (refusing(302), "redirects (302)"),
    "status 400": (refusing(400), "refuses the request (400). The API says: code 20001."),
    "status 401": (refusing(401), "Check RECSPEND_API_TOKEN"),
    "status 403": (refusing(403), "needs the scope to read voice recordings"),
    "status 404": (refusing(404), "no list of recordings"),
    "status 500": (refusing(500), "still returns 500"),
    "status 600": (refusing(600), "unexpected status (600)"),
    "HTML": (
        lambda request, _: Response(200, (f"<p>{request.authorization}</p>".encode(),)),
        "the response contains the API token, so it was discarded",
    ),
    "a page with the token": (
        lambda request, usual: page_with(usual, asked_by=TOKEN),
        "the response contains the API token, so it was discarded",
    ),
    "a page with the header": (
        lambda request, usual: page_with(usual, asked_by=request.authorization),
        "the response contains the API token, so it was discarded",
    ),
    "another envelope": (
        lambda request, _: Response(200, (json_bytes({repeated_credentials(request)[:9]: "x"}),)),
        "something other than recordings",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_failing_run_leaves_no_token(
    name: str,
    source: Source,
    recspend: Callable[..., tuple[int, Said]],
    forms: list[bytes],
    tmp_path: Path,
) -> None:
    instead, words = ANSWERS[name]
    code, said = recspend(
        lambda request: instead(request, source.answer(request)), "ingest", RECSPEND_ATTEMPTS="2"
    )
    assert code in (2, 3), said["traceback"]
    assert words in " ".join(said["errors"].split())
    (tmp_path / "something").touch()
    assert leaks(forms, said, tmp_path) == []


def test_next_page_with_credentials_is_not_followed_or_kept(
    source: Source, recspend: Callable[..., tuple[int, Said]], forms: list[bytes], tmp_path: Path
) -> None:
    def answer(request: HttpRequest) -> Response:
        usual = source.answer(request)
        if request.query.get("PageSize") != "1000":
            return usual
        user, token = request.credentials() or ("", "")
        percent = "".join(f"%{byte:02X}" for byte in token.encode())
        uri = json.loads(text_of(usual))["uri"]
        host = os.environ["RECSPEND_BASE_URL"].removeprefix("http://")
        return page_with(usual, next_page_uri=f"http://{user}:{percent}@{host}{uri}")

    code, said = recspend(answer, "ingest")
    assert code == 3
    assert "leads to another host and is not followed" in " ".join(said["errors"].split())
    assert leaks([*forms, b"%50%54"], said, tmp_path) == []


def test_traceback_shows_no_token(
    source: Source, recspend: Callable[..., tuple[int, Said]], forms: list[bytes], tmp_path: Path
) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / f"account_sid={source.accounts[0].account_sid}").touch()
    code, said = recspend(source.answer, "ingest")
    assert code == -1
    assert "Traceback" in said["traceback"]
    assert "NotADirectoryError" in said["traceback"]
    assert leaks(forms, said, tmp_path) == []


def test_invalid_settings_show_no_token(
    source: Source, recspend: Callable[..., tuple[int, Said]], forms: list[bytes], tmp_path: Path
) -> None:
    (tmp_path / "something").touch()
    for wrong in (
        {"RECSPEND_BASE_URL": f"https://user:{TOKEN}@example.com"},
        {"RECSPEND_TOKEN_FILE": str(tmp_path / "something")},
        {"RECSPEND_API_TOKEN": "", "RECSPEND_TOKEN_FILE": TOKEN},
        {"RECSPEND_API_TOKEN": f"{TOKEN}\n{TOKEN}"},
        {"RECSPEND_PROVIDER": TOKEN},
    ):
        code, said = recspend(source.answer, "run", **wrong)
        assert code == -1
        assert "ConfigError" in said["traceback"]
        assert leaks(forms, said, tmp_path) == []


@pytest.mark.slow
def test_doctor_shows_no_token(
    source: Source, recspend: Callable[..., tuple[int, Said]], forms: list[bytes], tmp_path: Path
) -> None:
    (tmp_path / "something").touch()
    for answer in (source.answer, always_refusing(source).answer):
        code, said = recspend(
            answer, "doctor", PREFECT_API_URL=f"http://user:{quote(TOKEN, safe='')}@127.0.0.1:9/api"
        )
        assert code == 2  # there is no such server
        assert "RECSPEND_API_TOKEN" in said["output"]
        assert "http://127.0.0.1:9/api" in said["output"]
        assert leaks(forms, said, tmp_path) == []


def test_leak_search_finds_every_planted_token(tmp_path: Path) -> None:
    forms = forms_of("user", TOKEN)
    data = tmp_path / "data"
    data.mkdir()
    (data / "innocent").write_text("nothing")
    assert leaks(forms, {"output": "nothing"}, data) == []
    basic = b64encode(f"user:{TOKEN}".encode())
    (data / "manifest.json").write_text(f"https://user:{quote(TOKEN, safe='')}@example.com")
    (data / "header").write_bytes(b"Authorization: Basic " + basic)
    (data / "page.json.zst").write_bytes(compress(b"x" * 100_000 + TOKEN.encode()))
    pq.write_table(pa.table({"text": ["x", TOKEN]}), data / "rows.parquet", compression="zstd")
    with duckdb.connect(str(data / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "create table log as select 'x' || i as text from range(9999) as r(i) union select ?", [TOKEN]
        )
    with sqlite3.connect(data / "prefect.db") as database:
        database.execute("create table log (text)")
        database.execute("insert into log values (?)", ["x" * 4090 + TOKEN])
    database.close()
    (data / "result").write_bytes(encodebytes(pickle.dumps(["x" * 100, TOKEN])))
    (data / quote(TOKEN, safe="")).touch()
    found = leaks(forms, {"output": TOKEN, "errors": "x"}, data)
    assert {name.rsplit("/", 1)[-1].split()[0] for name in found} == {
        "output",
        quote(TOKEN, safe=""),
        "manifest.json",
        "result",
        "header",
        "page.json.zst",
        "rows.parquet",
        "warehouse.duckdb",
        "prefect.db",
    }


@pytest.mark.slow
def test_prefect_runs_with_a_secret_block_leave_no_token(
    source: Source, forms: list[bytes], tmp_path: Path
) -> None:
    """Prefect logs and stores everything it can, and no token is in it."""
    home, data_dir, said = tmp_path / "prefect", tmp_path / "data", {}
    with serve(loose_tongued(source)) as talks, serve(always_refusing(source)) as refuses:
        environment = environment_of(accesses_of(talks)[0], data_dir) | {
            "PREFECT_HOME": str(home),
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "flows,urllib3,httpx",
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "DO_NOT_TRACK": "1",
            "RECSPEND_BACKOFF": "0",
            "RECSPEND_TOKEN_BLOCK": "support-token",
        }
        del environment["RECSPEND_API_TOKEN"]

        def call(name: str, *arguments: str, given: str | None = None, **more: str) -> int:
            done = subprocess.run(
                [sys.executable, *arguments],
                env=environment | more,
                input=given,
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,  # so that it does not prompt on a terminal
            )
            said[f"{name}: output"], said[f"{name}: errors"] = done.stdout, done.stderr
            return done.returncode

        (saves,) = re.findall(r"^\$ \.venv/bin/python -c '(.*)'$", page("flows/settings"), re.MULTILINE)
        assert call("block", "-c", saves, given=f"{TOKEN}\n") == 0, said
        command = [
            "-c",
            "from flows.command.main import main; main()",
            "--debug",
            "run",
            "--prefect",
            "--json",
        ]
        assert call("run", *command) == 0, said["run: errors"][-3000:]
        assert json.loads(said["run: output"])["new"] == 90
        away = f"http://user:{quote(TOKEN, safe='')}@127.0.0.1:9/api"
        assert (
            call(
                "no server",
                "-c",
                "from flows.command.main import main; main()",
                "ingest",
                PREFECT_API_URL=away,
            )
            == 2
        )
        doctor = ["-c", "from flows.command.main import main; main()", "doctor"]
        assert call("doctor", *doctor, PREFECT_API_URL=away) == 2
        assert call("directly", "-c", "from flows.command.main import main; main()", "ingest") == 0
        flows = call("flows", "-c", SEVERAL_FLOWS, REFUSING=refuses.base_url, BROKEN=str(tmp_path / "broken"))
        assert flows == 0, said["flows: errors"][-3000:]

    assert (
        "Error: The Prefect server http://127.0.0.1:9/api does not respond (RuntimeError). Start it, or unset "
        "PREFECT_API_URL and leave out --prefect to run without it."
    ) in " ".join(said["no server: errors"].split())
    assert (
        "The Prefect Secret block that RECSPEND_TOKEN_BLOCK names cannot be read: the Prefect server "
        "http://127.0.0.1:9/api does not respond (ConnectError). Start it, or correct PREFECT_API_URL."
    ) in " ".join(said["doctor: output"].split())
    reported = json.loads(said["flows: output"].splitlines()[-1])
    assert reported["states"] == ["Completed", "API refused", "Failed", "Wrong settings"]
    assert (
        "refuses the credentials (401). Check the Prefect Secret block support-token"
        in reported["messages"][1]
    )
    assert "NotADirectoryError" in reported["messages"][2]
    assert "RECSPEND_TOKEN_BLOCK names is not on the Prefect server" in reported["messages"][3]
    logs = "\n".join(reported["logs"])
    assert "Traceback" in logs  # Prefect's logs are complete and include ours
    assert "attempt" in logs
    assert [name for name in reported["parameters"] if "token" in name] == []
    assert "recspend-run" in reported["artifacts"]
    with sqlite3.connect(home / "prefect.db") as database:
        ((kept,),) = database.execute(
            "select data from block_document where name = 'support-token'"
        ).fetchall()
    database.close()
    assert kept.startswith('"gAAAA')  # encrypted with Fernet
    # If configured to store everything, Prefect stores what a flow raised; results of flows and tasks are never stored.
    results = [b64decode(path.read_bytes()) for path in (home / "storage").rglob("*") if path.is_file()]
    raised = [
        name for result in results for name in (b"NotADirectoryError", b"ConfigError") if name in result
    ]
    assert raised == [b"NotADirectoryError"]
    assert len(results) == len(raised)
    assert leaks(forms, said, tmp_path) == []


def always_refusing(source: Source) -> Source:
    """Answer everything with 401 and the credentials."""
    return replace(source, answer=lambda request: refusing(401)(request, source.answer(request)))


SEVERAL_FLOWS = """
import json, os
from pathlib import Path
from flows.pipeline.flow import ingest, pipeline
from prefect.client.orchestration import get_client

states = [pipeline(again=False, return_state=True)]
os.environ["RECSPEND_BASE_URL"], url = os.environ["REFUSING"], os.environ["RECSPEND_BASE_URL"]
states.append(ingest(return_state=True))
os.environ["RECSPEND_BASE_URL"] = url
os.environ["RECSPEND_DATA_DIR"] = os.environ["BROKEN"]
raw = Path(os.environ["BROKEN"], "raw")
raw.mkdir(parents=True)
(raw / f"account_sid={os.environ['RECSPEND_ACCOUNT_SID']}").touch()
states.append(ingest(return_state=True))
os.environ["RECSPEND_TOKEN_BLOCK"] = "another"
states.append(ingest(return_state=True))
with get_client(sync_client=True) as client:
    runs, logs = client.read_flow_runs(), []
    while found := client.read_logs(limit=200, offset=len(logs)):
        logs += found
    print(json.dumps({
        "states": [state.name for state in states],
        "messages": [state.message for state in states],
        "parameters": sorted({name for run in runs for name in run.parameters}),
        "artifacts": [found.key for found in client.read_artifacts()],
        "logs": [log.message for log in logs],
    }))
"""
