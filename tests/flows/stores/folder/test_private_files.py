import stat
import sys
from pathlib import Path

import pytest

from flows.command import main as cli
from flows.emulator import Parameters, open_ledger, serve
from flows.stores.folder.private_files import Readers, is_open_to_others
from tests.support.runs.ledger_runs import accesses_of, environment_of


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def is_read_by(path: Path) -> str:
    """Return who may read a file or folder: owner, group or others."""
    found = mode(path)
    return "others" if found & 0o007 else "group" if found & 0o070 else "owner"


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize("readers", ["owner", "group"])
def test_everything_a_run_writes_is_for_its_readers_only(
    readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    source = open_ledger(Parameters(3, 90, 1), tmp_path / "rendered")
    with serve(source) as emulator:
        given = environment_of(accesses_of(emulator)[0], data_dir) | {"RECSPEND_READABLE_BY": readers}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["recspend", "run"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code in (None, 0)
    metrics = data_dir / "metrics.prom"
    written = [path for path in (data_dir, *data_dir.rglob("*")) if path != metrics]
    kinds = {path.suffix for path in written}
    assert kinds > {".parquet", ".duckdb", ".json", ".zst", ".csv"}
    assert {path: is_read_by(path) for path in written} == dict.fromkeys(written, readers)
    assert all(not mode(path) & 0o020 for path in written)
    assert is_read_by(metrics) == "others"


@pytest.mark.parametrize(
    ("mode_of_folder", "readers", "is_open"),
    [
        (0o700, "owner", False),
        (0o750, "owner", True),
        (0o755, "owner", True),
        (0o701, "group", True),
        (0o750, "group", False),
        (0o770, "group", True),
        (0o2750, "group", False),
    ],
)
def test_folder_is_open_if_others_can_enter_or_list_it(
    mode_of_folder: int, readers: Readers, is_open: bool, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode_of_folder)
    assert is_open_to_others(tmp_path / "data", readers) == is_open
