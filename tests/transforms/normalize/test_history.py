from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from tests.support.samples.transforms import lake_row, utc
from transforms.normalize.history import once_per_fetch
from transforms.normalize.late_changes import CHANGE_SCHEMA

SEEN = utc(2018, 10, 9)


def change(sid: str, seen_at: datetime = SEEN, source_before: str = "DialVerb") -> dict[str, Any]:
    row = lake_row(sid)
    values = {
        f"{name}_{moment}": row.get(name)
        for name in ("created_at", "source", "channels", "duration_seconds", "price", "currency", "raw_page")
        for moment in ("before", "after")
    }
    found = {"source_before": source_before, "has_no_audio_before": False, "has_no_audio_after": False}
    return {"account_sid": row["account_sid"], "recording_sid": sid, "seen_at": seen_at, **values, **found}


def test_last_change_of_a_fetch_counts_in_the_order_found() -> None:
    later = SEEN + timedelta(days=1)
    found = [
        change("B"),
        change("C"),
        change("D"),
        change("C", source_before="a"),
        change("B", later),
        change("A"),
        change("C", source_before="b"),
    ]
    whole = once_per_fetch(pa.Table.from_pylist(found, CHANGE_SCHEMA))
    assert whole.schema == CHANGE_SCHEMA
    assert [(row["recording_sid"], row["seen_at"], row["source_before"]) for row in whole.to_pylist()] == [
        ("A", SEEN, "DialVerb"),
        ("B", SEEN, "DialVerb"),
        ("C", SEEN, "b"),
        ("D", SEEN, "DialVerb"),
        ("B", later, "DialVerb"),
    ]
    assert once_per_fetch(pa.concat_tables([whole, whole])).equals(whole)
    assert once_per_fetch(CHANGE_SCHEMA.empty_table()).equals(CHANGE_SCHEMA.empty_table())
