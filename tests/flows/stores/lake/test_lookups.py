"""Single recordings in the files of the lake."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.stores.lake.lookups import rows_between, rows_with
from transforms.errors import DamagedLakeError

FIRST, LAST = datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(("content", "state"), [(b"PAR1 not any more PAR1", "damaged"), (None, "missing")])
def test_damaged_file_is_named_with_what_to_do(content: bytes | None, state: str, tmp_path: Path) -> None:
    path = tmp_path / "2026-08-digest.parquet"
    if content is not None:
        path.write_bytes(content)
    for rows in (
        rows_with([path], {"re1"}, ["recording_sid"], FIRST, LAST),
        rows_between([path], [], FIRST, LAST),
    ):
        with pytest.raises(
            DamagedLakeError, match=f"{path.name} is {state}. Run `recspend normalize --rebuild`"
        ):
            next(rows)
