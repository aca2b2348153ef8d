"""The lines of the page for cron and systemd work there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.emulator import Parameters, open_ledger, serve
from tests.support import examples, page
from tests.support.runs.ledger_runs import accesses_of, environment_of, ledger_cells, warehouse_cells

INSTALLED = "/opt/recspend/.venv/bin/recspend"


@pytest.mark.slow
def test_cron_line_runs_in_the_minimal_environment_of_cron(tmp_path: Path) -> None:
    (line,) = re.findall(r"^17 \* \* \* \* (cd .*)$", page("flows/pipeline"), re.MULTILINE)
    command = line.replace(INSTALLED, str(Path(sys.executable).with_name("recspend")))
    command = command.replace("/srv/recspend", str(tmp_path))
    # According to crontab(5) of Debian.
    crons = {"HOME": str(tmp_path), "LOGNAME": "recspend", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    with serve(open_ledger(Parameters(3, 300, 1), tmp_path / "rendered")) as emulator:
        settings = environment_of(accesses_of(emulator)[0], tmp_path / "data")
        del settings["PATH"], settings["RECSPEND_DATA_DIR"]
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=crons, cwd="/", capture_output=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "Traceback" not in (tmp_path / "recspend.log").read_text()
    assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    (unit,) = examples(page("flows/pipeline"), "ini")
    assert f"ExecStart={INSTALLED} serve " in unit
    here = (
        unit.replace(INSTALLED, "/bin/true")
        .replace("/srv/recspend", "/")
        .replace("User=recspend", "User=root")
    )
    (tmp_path / "recspend.service").write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "recspend.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
