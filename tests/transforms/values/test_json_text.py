"""JSON that users read: each object's text to the byte."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.monitor.findings import Finding
from transforms.monitor.health import AccountHealth, Health, Run
from transforms.monitor.messages import Message
from transforms.report.since_last_run import Changes, Mover
from transforms.values.json_text import json_text, plain_object

NOW = datetime(2026, 9, 14, 10, 0, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNTS = [
    AccountHealth("A1", "Müller", date(2026, 1, 1), date(2026, 9, 14), NOW, 2, 5, 4, 3),
    AccountHealth("A2", "b"),
]
HEALTH = Health(
    NOW,
    ACCOUNTS,
    date(2026, 9, 13),
    NOW,
    ["keys"],
    ["odd"],
    last_run=Run(NOW - HOUR, None, None, 3, 1, 2, True),
    last_success=Run(NOW - 2 * HOUR, NOW - HOUR, 0, 3, 1, 2),
)
FINDING = Finding("budget.exceeded", "2026-09 A1 USD", "<Müller> 5.00 USD.", {"cost": "5.00", "note": None})
MESSAGE = Message("recspend.budget.exceeded", "A budget is exceeded", "Spend less.", [FINDING])
CHANGES = Changes(
    NOW, 1, 2, 3, 4, {"USD": Decimal("1E-7")}, [Mover("Müller", "Trunking", "USD", Decimal("0.0000001"))]
)


@dataclass(frozen=True, slots=True)
class Spend:
    cost: Decimal | None
    day: date
    path: Path


class Counted(msgspec.Struct):
    rows: int = msgspec.field(name="how_many")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            HEALTH.as_object(26 * HOUR),
            '{"as_of": "2026-09-14T10:00:00.000005+00:00", "newest_day": null, "covered_until": null, '
            '"age_seconds": null, "max_age_seconds": 93600, "is_current": false, '
            '"last_success": "2026-09-14T09:00:00.000005+00:00", "last_run": {"started_at": '
            '"2026-09-14T09:00:00.000005+00:00", "finished_at": null, "exit_code": null, "requests": 3, "retries": 1, '
            '"rejected": 2, "is_under_way": true}, "holes": 2, "unsettled": 5, "unpriced": 4, "rejected": 3, '
            '"failed_checks": ["keys"], "warning_checks": ["odd"], "accounts": [{"account_sid": "A1", "account_name": '
            '"M\\u00fcller", "first_day": "2026-01-01", "newest_day": "2026-09-14", "covered_until": '
            '"2026-09-14T10:00:00.000005+00:00", "holes": 2, "unsettled": 5, "unpriced": 4, "rejected": 3}, '
            '{"account_sid": "A2", "account_name": "b", "first_day": null, "newest_day": null, "covered_until": null, '
            '"holes": null, "unsettled": null, "unpriced": null, "rejected": null}], "held": null}',
        ),
        (
            CHANGES.as_object(),
            '{"before": "2026-09-14T10:00:00.000005+00:00", "new": 1, "changed": 2, "deleted": 3, "returned": 4, '
            '"cost": {"USD": "0.0000001"}, "movers": [{"account_name": "M\\u00fcller", "source": "Trunking", '
            '"currency": "USD", "change": "0.0000001"}]}',
        ),
        (
            Changes(None).as_object(),
            '{"before": null, "new": 0, "changed": 0, "deleted": 0, "returned": 0, "cost": {}, "movers": []}',
        ),
        (
            {"text": MESSAGE.text, **MESSAGE.as_object()},
            '{"text": "recspend: A budget is exceeded\\n<M\\u00fcller> 5.00 USD.\\nSpend less.", '
            '"event": "recspend.budget.exceeded", "title": "A budget is exceeded", "to_do": "Spend less.", '
            '"findings": [{"key": "budget.exceeded 2026-09 A1 USD", "sentence": "<M\\u00fcller> 5.00 USD.", '
            '"facts": {"cost": "5.00", "note": null}}], "more": 0}',
        ),
    ],
)
def test_json_text_of_what_users_read_stays_the_same(value: object, text: str) -> None:
    assert json_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Spend(Decimal("1E-7"), date(2026, 9, 30), Path("a") / "b"),
         '{"cost": "0.0000001", "day": "2026-09-30", "path": "a/b"}'),
        ([Counted(2), (True, None, 0.5)], '[{"how_many": 2}, [true, null, 0.5]]'),
        ({"ü": NOW}, '{"\\u00fc": "2026-09-14T10:00:00.000005+00:00"}'),
    ],
)  # fmt: skip
def test_json_text_of_each_kind_of_value(value: object, text: str) -> None:
    assert json_text(value) == text
    assert plain_object(value) == json.loads(text)


def test_json_text_keeps_letters_if_asked_to() -> None:
    assert json_text({"name": "Müller"}, ascii_only=False) == '{"name": "Müller"}'


def test_json_text_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="A complex has no place in JSON"):
        json_text({"x": 1j})


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
                    lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8))  # fmt: skip
def test_json_text_of_plain_values_equals_the_standard_library(value: Any) -> None:
    assert json_text(value) == json.dumps(value)
    assert json_text(value, ascii_only=False) == json.dumps(value, ensure_ascii=False)
