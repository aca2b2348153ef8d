"""A Prefect server of our own: one per folder of Prefect, reached past every proxy, and looked after."""

import subprocess
from pathlib import Path

import pytest

from flows.stores.lock import one_process
from flows.stores.prefect_server import own_server
from transforms.errors import ConfigError


def test_a_second_server_of_one_home_is_refused_and_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *what, **_: started.append(what))
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    with (
        one_process(tmp_path / "prefect" / "recspend-serve.lock", "", ""),
        pytest.raises(
            ConfigError, match=r"process \d+, since \S+\. Set PREFECT_HOME to a folder .* PREFECT_API_URL"
        ),
        own_server("http://127.0.0.1:4200"),
    ):
        pytest.fail("two servers of one home")
    assert started == []
