"""Nobody but its owner can use the Prefect server of `recspend serve`: tried by another user, and by web pages."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.emulator import Parameters, open_ledger, serve
from flows.stores.prefect.login import kept_login, login_file
from flows.stores.prefect.server import free_address
from tests.support.leaks import forms_of, leaks
from tests.support.report_page.browser import chromium, wait_until
from tests.support.runs.ledger_runs import accesses_of, environment_of
from tests.support.runs.prefect_processes import PREFECT, Server, wait_for
from tests.support.servers.intruder import attempt

RECSPEND = [sys.executable, "-c", "from flows.command.main import main; main()"]
BLOCK = "PT-in-a-secret-block"
SAVE_BLOCK = f"from prefect.blocks.system import Secret; Secret(value={BLOCK!r}).save('other-token')"
pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Served:
    """A running `recspend serve`: its process, what it writes, its server seen by its owner, and its folder."""

    process: "subprocess.Popen[bytes]"
    log: Path
    server: Server
    folder: Path

    @property
    def port(self) -> int:
        return int(self.server.address.rpartition(":")[2])

    @property
    def deployment(self) -> dict[str, Any]:
        (found,) = self.server.ask("deployments/filter")
        return dict(found)


@contextmanager
def readable_folder() -> Iterator[Path]:
    """Make a folder that other users can enter, unlike the one of pytest, so that only its files' rights protect it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ledger = open_ledger(Parameters(5, 60, 1), tmp_path_factory.mktemp("rendered"))
    with serve(ledger) as emulator, readable_folder() as folder:
        environment = environment_of(accesses_of(emulator)[0], folder / "data")
        environment["PREFECT_HOME"] = str(folder / "prefect")
        # Somebody's settings for another server; they must not open this one.
        environment |= {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "*", "prefect_server_api_auth_string": ""}
        environment |= {"PREFECT_API_KEY": "pnu_of_prefect_cloud", "SUPPORT_PASSWORD": "of-another-program"}
        with serving(environment, folder) as found:
            yield found


@contextmanager
def serving(environment: dict[str, str], folder: Path) -> Iterator[Served]:
    """Serve a schedule that is never due while the tests run."""
    log = folder / "serve.log"
    command = [*RECSPEND, "serve", "--cron", "0 0 1 1 *", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
    try:
        (address,) = wait_for(
            "the address", lambda: re.findall(r"Prefect UI: (http://127\.0\.0\.1:\d+) ", log.read_text())
        )
        login = kept_login(folder / "prefect")
        with closing(Server(address, environment, login)) as server:
            wait_for("the deployment", lambda: server.ask("deployments/filter"))
            save = [sys.executable, "-c", SAVE_BLOCK]
            subprocess.run(save, env=server.environment, cwd=folder, check=True, capture_output=True)
            yield Served(process, log, server, folder)
    finally:
        process.terminate()
        process.wait(60)


def wanted_by_intruders(deployment: dict[str, Any], marker: Path) -> list[tuple[str, str, Any]]:
    """Return requests that read figures and secrets, or have a command of the sender run."""
    command = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {marker}"}}
    one = f"/api/deployments/{deployment['id']}"
    return [
        ("POST", "/api/deployments/filter", {}),
        ("POST", "/api/block_documents/filter", {"include_secrets": True}),
        ("POST", "/api/flow_runs/filter", {}),
        ("POST", "/api/artifacts/filter", {}),
        ("POST", "/api/logs/filter", {}),
        ("GET", "/api/admin/settings", None),
        ("GET", "/api/admin/version", None),
        ("PATCH", one, {"pull_steps": [command]}),
        ("POST", f"{one}/create_flow_run", {"state": {"type": "SCHEDULED"}}),
        ("POST", "/api/work_pools/", {"name": "theirs", "type": "process"}),
        ("DELETE", one, None),
    ]


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_another_user_is_refused_everything(served: Served) -> None:
    marker, home = served.folder / "marker", served.folder / "prefect"
    wanted = wanted_by_intruders(served.deployment, marker)
    private = [*files_of(home), *environments_of(served.process.pid)]
    assert {home / "prefect.db", login_file(home)} <= set(private)
    answers, read = attempt(served.port, wanted, private)
    assert {status for status, _, _ in answers} <= {401, 403}
    assert {origin for _, origin, _ in answers} == {None}
    assert BLOCK not in json.dumps(answers)
    assert read == []
    assert served.deployment["pull_steps"] in (None, [])
    assert served.server.ask("work_pools/filter") == []


def test_every_request_of_the_api_asks_for_the_login(served: Served) -> None:
    routes = requests.get(f"{served.server.address}/openapi.json", timeout=30).json()["paths"]
    every: list[tuple[str, str, Any]] = [
        (method.upper(), "/api" + re.sub(r"\{.*?\}", served.deployment["id"], path), {})
        for path, methods in routes.items()
        for method in methods
    ]
    assert len(every) > 150
    answers, _ = attempt(served.port, every, [])
    open_to_all = [
        asked[1] for asked, answer in zip(every, answers, strict=True) if answer[0] not in (401, 403)
    ]
    assert open_to_all == ["/api/health", "/api/ready"]


@pytest.mark.parametrize(
    "header",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_foreign_host_or_origin_is_refused_even_with_the_login(
    served: Served, header: dict[str, str]
) -> None:
    sent = {name: value.format(port=served.port) for name, value in header.items()}
    login = requests.Request("GET", "http://x", auth=tuple(served.server.login.split(":"))).prepare()
    wanted = [("GET", "/", None), ("GET", "/api/health", None), ("GET", "/api/admin/version", None)]
    answers, _ = attempt(served.port, wanted, [], Authorization=login.headers["Authorization"], **sent)
    assert [(status, origin) for status, origin, _ in answers] == [(403, None)] * 3
    with pytest.raises(InvalidStatus):
        foreign = Origin(sent["Origin"]) if "Origin" in sent else None
        connect(
            f"ws://{sent.get('Host', f'127.0.0.1:{served.port}')}/api/events/out",
            sock=None if "Origin" in sent else connected(served.port),
            origin=foreign,
            subprotocols=[Subprotocol("prefect")],
        )


def connected(port: int) -> Any:
    return socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("path", ["events/in", "events/out", "logs/out", "task_runs/subscriptions/scheduled"])
@pytest.mark.parametrize("token", [None, "", "recspend:guessed"])
def test_websockets_ask_for_the_login(served: Served, path: str, token: str | None) -> None:
    url = f"ws://127.0.0.1:{served.port}/api/{path}"
    with pytest.raises(InvalidStatus):
        connect(url)
    with connect(url, subprotocols=[Subprotocol("prefect")]) as opened:
        opened.send(json.dumps({"type": "auth", "token": token}))
        with pytest.raises(ConnectionClosed):
            opened.recv(20)


@contextmanager
def changed_deployment(served: Served) -> Iterator[Path]:
    """Have the deployment run a command and other code for the block; yields the file that both would write."""
    marker, before = served.folder / "marker", served.deployment
    script = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {marker}"}}
    theirs = served.folder / "theirs.py"
    theirs.write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()")
    changed = {"pull_steps": [script], "entrypoint": f"{theirs}:flow", "path": str(served.folder)}
    served.server.change(f"deployments/{before['id']}", **changed)
    assert served.deployment["pull_steps"] == [script]
    try:
        yield marker
    finally:
        kept = {name: before[name] for name in changed}
        served.server.change(f"deployments/{before['id']}", **kept)


def test_changed_deployment_runs_no_other_code(served: Served) -> None:
    with changed_deployment(served) as marker:
        run = served.server.start("recspend/all-accounts").json()
        wait_for("its end", lambda: served.server.state_of(run["id"]).startswith("Completed"))
        assert not marker.exists()


def test_changed_deployment_has_no_hooks_after_a_crash(served: Served) -> None:
    wait_for("the end of other runs", lambda: process_of_run(served) is None)
    with changed_deployment(served) as marker:
        run = served.server.start("recspend/all-accounts").json()
        os.kill(wait_for("the run", lambda: process_of_run(served), 60), signal.SIGKILL)
        wait_for("its end", lambda: served.server.state_of(run["id"]) == "Crashed")
        # Prefect looks for hooks afterwards. The next run starts only when that is done.
        run = served.server.start("recspend/all-accounts").json()
        wait_for("the next end", lambda: served.server.state_of(run["id"]).startswith("Completed"))
        assert not marker.exists()


def process_of_run(served: Served) -> int | None:
    """Return the process of a run in progress."""
    for pid in descendants(served.process.pid):
        with suppress(OSError):
            if "prefect.engine" in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
    return None


def test_children_get_only_what_they_need(served: Served) -> None:
    run = served.server.start("recspend/all-accounts").json()
    environments: dict[str, dict[str, str]] = {}

    def found() -> bool:
        for pid in descendants(served.process.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
                variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
            except OSError:
                continue
            kind = (
                "server" if "server_process.py" in command else "run" if "prefect.engine" in command else ""
            )
            if kind and len(variables) > 1:
                environments[kind] = dict(each.split("=", 1) for each in variables if each)
        return len(environments) == 2

    wait_for("a run", found)
    server, run_of_flow, login = environments["server"], environments["run"], served.server.login
    assert [name for name in server if name.startswith("RECSPEND_") or "PASSWORD" in name] == []
    assert {"PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"}.isdisjoint(server)
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == run_of_flow["PREFECT_API_AUTH_STRING"] == login
    assert "PREFECT_SERVER_API_AUTH_STRING" not in run_of_flow
    assert run_of_flow["RECSPEND_API_TOKEN"]
    wait_for("its end", lambda: served.server.state_of(run["id"]).startswith("Completed"))
    # After whole runs: neither the login nor a token is in Prefect's database, a log or the data folder.
    secrets = [run_of_flow["RECSPEND_API_TOKEN"], login.partition(":")[2]]
    forms = [form for secret in secrets for form in forms_of("recspend", secret)]
    kept = leaks(forms, {"serve": served.log.read_text()}, served.folder)
    assert kept == [str(login_file(served.folder / "prefect"))]


def test_owner_logs_in_once_and_sees_everything(served: Served) -> None:
    assert f"The UI asks once for a login. Show it: cat {login_file(served.folder / 'prefect')}\n" in (
        served.log.read_text()
    )
    run = served.server.start("recspend/all-accounts").json()
    with chromium() as browser:
        browser.get(served.server.address)
        wait_until(browser, PASSWORD)
        field = browser.find_element(By.CSS_SELECTOR, "input[type=password]")
        field.send_keys(served.server.login, Keys.ENTER)
        wait_until(browser, f"!{PASSWORD} && document.body.innerText.includes('Dashboard')")
        wait_for("its end", lambda: served.server.state_of(run["id"]).startswith("Completed"))
        pages = {"deployments": "all-accounts", f"runs/flow-run/{run['id']}": "run all accounts up to"}
        for page, shown in pages.items():
            browser.get(f"{served.server.address}/{page}")
            wait_until(browser, f"document.body.innerText.includes('{shown}')")
            assert browser.execute_script(f"return {PASSWORD}") is None
        blocked = browser.execute_async_script(ASKS_OTHERS)
        assert blocked == "https://collects.example/usage"


ASKS_OTHERS = """
const done = arguments[arguments.length - 1];
document.addEventListener("securitypolicyviolation", (event) => done(event.blockedURI));
fetch("https://collects.example/usage").catch(() => setTimeout(() => done("asked"), 500));
"""
PASSWORD = "document.querySelector('input[type=password]')"
PAGE = """
<!doctype html><title>another origin</title><iframe src="ADDRESS/dashboard"></iframe><script>
const json = {method: "POST", body: "{}", headers: {"Content-Type": "application/json"}};
const login = {Authorization: "Basic " + btoa("LOGIN")};
async function tried(path, options) {
  try { const answer = await fetch("ADDRESS" + path, options); return answer.type + await answer.text(); }
  catch (error) { return "refused"; }
}
function opened(path) {
  return new Promise((done) => {
    const socket = new WebSocket("ADDRESS".replace("http", "ws") + path, "prefect");
    socket.onopen = () => done("opened");
    socket.onerror = () => done("refused");
  });
}
const run = "/api/deployments/DEPLOYMENT/create_flow_run";
Promise.all([
  tried("/api/deployments/filter", json),
  tried("/api/admin/version"),
  tried("/api/admin/version", {headers: login}),
  tried("/api/deployments/filter", {...json, headers: {...json.headers, ...login}}),
  tried(run, {method: "POST", body: "{}", mode: "no-cors"}),
  tried(run, {method: "POST", body: '{"state": {"type": "SCHEDULED"}}', mode: "no-cors", credentials: "include"}),
  opened("/api/events/out"),
  opened("/api/events/in"),
]).then((results) => { window.results = results; });
</script>
"""


def test_page_of_another_origin_is_refused(served: Served) -> None:
    served_page = (
        PAGE.replace("ADDRESS", served.server.address)
        .replace("LOGIN", served.server.login)  # even if it knew the login
        .replace("DEPLOYMENT", served.deployment["id"])
    )
    runs_before = len(served.server.ask("flow_runs/filter"))
    with serving_page(served_page) as other, chromium() as browser:
        browser.get(other)
        wait_until(browser, "window.results")
        results = browser.execute_script("return window.results")
        frame = browser.find_element(By.TAG_NAME, "iframe")
        browser.switch_to.frame(frame)
        assert browser.find_elements(By.CSS_SELECTOR, "#app, #root, input") == []
    # A page never sees the answer to a request without CORS ("opaque"); that nothing was done is checked below.
    assert results == [*["refused"] * 4, *["opaque"] * 2, *["refused"] * 2]
    assert len(served.server.ask("flow_runs/filter")) == runs_before


def test_page_whose_name_becomes_this_machine_is_refused(served: Served) -> None:
    with chromium("--host-resolver-rules=MAP evil.example 127.0.0.1") as browser:
        browser.get(f"http://evil.example:{served.port}/dashboard")
        shown = browser.find_element(By.TAG_NAME, "body").text
        assert shown == f"This server answers only requests to http://127.0.0.1:{served.port}."
        asked = "fetch('/api/admin/version').then((answer) => { window.status = answer.status; })"
        browser.execute_script(asked)
        wait_until(browser, "window.status")
        assert browser.execute_script("return window.status") in (403, "403")


@contextmanager
def serving_page(page: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*children, *(each for child in children for each in descendants(child))]


def environments_of(pid: int) -> list[Path]:
    """Return the files that hold the environment of a process and of all that it started."""
    return [Path(f"/proc/{each}/environ") for each in (pid, *descendants(pid))]


def command(served: Served, *arguments: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with PREFECT_API_URL, and without the login unless it is among the changed variables."""
    environment = served.server.environment | {"RECSPEND_DATA_DIR": str(served.folder / "another")}
    del environment["PREFECT_API_AUTH_STRING"]
    return subprocess.run(
        [*RECSPEND, *arguments],
        env=environment | changed,
        cwd=served.folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_own_commands_log_in_by_themselves(served: Served) -> None:
    examined = json.loads(command(served, "doctor", "--json").stdout)["findings"]
    (prefect,) = [each for each in examined if each["subject"] == "Prefect"]
    assert prefect["state"] == "ok"
    assert command(served, "normalize").returncode == 0  # as a flow, since PREFECT_API_URL is set
    missing_pool = command(served, "deploy", "--work-pool", "local")
    assert "The Prefect server has no work pool local" in missing_pool.stderr


@pytest.mark.parametrize("arguments", [("normalize",), ("deploy", "--work-pool", "local")])
def test_own_commands_say_that_a_login_is_refused(served: Served, arguments: tuple[str, ...]) -> None:
    refused = command(served, *arguments, PREFECT_API_AUTH_STRING="recspend:wrong")
    assert refused.returncode == 2
    assert f"{served.server.address}/api refuses the login. Set PREFECT_API_AUTH_STRING" in refused.stderr


def test_intruder_gets_everything_from_an_open_server(tmp_path: Path) -> None:
    """The same requests succeed on a server that asks for no login, so the tests above can fail; doctor warns of it."""
    address = free_address(0)
    environment = {
        "PATH": os.environ["PATH"],
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "RECSPEND_DATA_DIR": str(tmp_path),
        "DO_NOT_TRACK": "1",
    }
    port = address.rpartition(":")[2]
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the server", lambda: is_up(address))
        save = [sys.executable, "-c", SAVE_BLOCK]
        subprocess.run(save, env=environment, cwd=tmp_path, check=True, capture_output=True)
        flow = requests.post(f"{address}/api/flows/", json={"name": "recspend"}, timeout=30).json()
        body = {"name": "all-accounts", "flow_id": flow["id"]}
        deployment = requests.post(f"{address}/api/deployments/", json=body, timeout=30).json()
        answers, _ = attempt(int(port), wanted_by_intruders(deployment, tmp_path / "marker"), [])
        assert {status for status, _, _ in answers} <= {200, 201, 204}
        assert BLOCK in json.dumps(answers)
        done = subprocess.run(
            [*RECSPEND, "doctor"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "answers without a login: everybody who can reach it" in " ".join(done.stdout.split())
    finally:
        server.terminate()
        server.wait(60)


def is_up(address: str) -> bool:
    try:
        return requests.get(f"{address}/api/health", timeout=5).ok
    except requests.RequestException:
        return False
