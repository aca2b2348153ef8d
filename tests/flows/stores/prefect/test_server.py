"""Our own Prefect server: one per Prefect folder, reached without a proxy, and supervised."""

import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.stores import waiting
from flows.stores.folder.lock import one_process
from flows.stores.prefect import server as prefect_server
from flows.stores.prefect.server import own_server
from flows.stores.waiting import retried
from tests.support.servers.answering import answering
from transforms.errors import ConfigError


def test_second_server_of_one_home_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *what, **_: started.append(what))
    with (
        one_process(tmp_path / "prefect" / "recspend-serve.lock", "", ""),
        pytest.raises(
            ConfigError,
            match=r"process \d+, since \S+\. Set PREFECT_HOME to a different folder .* PREFECT_API_URL",
        ),
        own_server("http://127.0.0.1:4200", "user:x", {"PREFECT_HOME": str(tmp_path / "prefect")}),
    ):
        pytest.fail("two servers of one home")
    assert started == []


def test_starting_server_is_polled_past_a_proxy_with_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(
        waiting, "time", SimpleNamespace(monotonic=lambda: float(len(slept)), sleep=slept.append)
    )
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    alive = cast(Any, SimpleNamespace(poll=lambda: None))
    with answering(503, 404, 200) as (place, asked):
        prefect_server._wait_until_ready(alive, f"http://{place}")
    assert [path for path, _ in asked] == ["/api/health"] * 3
    assert slept == [prefect_server._SECONDS_BETWEEN_TRIES] * 2


def others_can_take(port: int) -> bool:
    with socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            theirs.bind(("127.0.0.1", port))
            theirs.listen()
        except OSError:
            return False
        return True


LISTENS = """
import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as port:
    port.listen()
    connection, _ = port.accept()
    connection.sendall(str(sorted(__import__("os").environ)).encode())
"""


def test_port_is_kept_before_during_and_after_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_file = tmp_path / "listens.py"
    process_file.write_text(LISTENS)
    monkeypatch.setattr(prefect_server, "_PROCESS", process_file)
    address = prefect_server.free_address(0)
    number = int(address.rpartition(":")[2])
    assert others_can_take(number)
    with prefect_server.taken(address) as port:
        assert not others_can_take(number)
        with pytest.raises(ConfigError, match=f"Port {number} is in use"):
            prefect_server.taken(address)
        process = prefect_server.started(port, {"ONLY": "this"}, start_new_session=False)
        client = retried(lambda: socket.create_connection(("127.0.0.1", number)), OSError, 30, 0.1)
        assert not others_can_take(number)
        with client:
            given = client.recv(1000).decode()
        assert given == "['LC_CTYPE', 'ONLY']" or given == "['ONLY']"
        assert process.wait(30) == 0
        # At once, instead of leaving connections to wait for an answer.
        refused = retried(lambda: is_refused(number), AssertionError, 10, 0.1)
        assert (refused, others_can_take(number)) == (True, False)
    # Another test may hold it for a moment, as the end of a connection of its own.
    retried(lambda: is_free(number), AssertionError, 70, 0.5)


def is_free(port: int) -> bool:
    assert others_can_take(port)
    return True


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    raise AssertionError("The connection waits for an answer.")


def test_ui_is_built_where_this_user_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: True)
    assert prefect_server._place_of_ui(tmp_path, {}) == {}
    monkeypatch.setattr("os.access", lambda *_: False)  # such as after an installation by another user
    assert prefect_server._place_of_ui(tmp_path, {}) == {
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(tmp_path / "ui")
    }
    given = {"PREFECT_UI_STATIC_DIRECTORY": "/somewhere"}
    assert prefect_server._place_of_ui(tmp_path, given) == {}


def test_a_server_that_ends_by_itself_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: 0.0))
    ended = cast(Any, SimpleNamespace(poll=lambda: 1))
    with pytest.raises(ConfigError, match="The Prefect server did not start"):
        prefect_server._wait_until_ready(ended, "http://127.0.0.1:9")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: 50.0 * len(slept), sleep=slept.append)
    monkeypatch.setattr(waiting, "time", clock)
    alive = cast(Any, SimpleNamespace(poll=lambda: None))
    with (
        answering(503, 503, 503, 503) as (place, asked),
        pytest.raises(ConfigError, match="The Prefect server did not start"),
    ):
        prefect_server._wait_until_ready(alive, f"http://{place}")
    assert (len(asked), len(slept)) == (4, 3)
