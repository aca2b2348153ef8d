from typing import Any

import pytest

from transforms.pages.oddities import Oddities, Oddity
from transforms.report.run_remarks import FailedCheck, Remark, check_failed, days_missing, run_remarks

NOTHING: dict[str, Any] = {
    "failed": {},
    "busy": {},
    "warnings": {},
    "missing_days": 0,
    "rejected": 0,
    "unpriced": 0,
    "checks": [],
    "oddities": Oddities(),
}


def odd(counts: dict[tuple[str, str], int]) -> Oddities:
    return Oddities({key: Oddity(rows) for key, rows in counts.items()})


KEYS = FailedCheck("keys_are_unique", "Rows would count twice.", 2, True, ("sid=RE1", "sid=RE2"))


def test_run_remarks_of_a_run_without_findings() -> None:
    assert run_remarks(**NOTHING) == []


@pytest.mark.parametrize(
    ("given", "severity", "text"),
    [
        ({"failed": {"sales": "The API refuses."}}, "error", "The API refuses."),
        ({"busy": {"sales": "Another run has it."}}, "warning", "Another run has it."),
        ({"warnings": {"sales": "No Usage Records."}}, "warning", "No Usage Records."),
        ({"missing_days": 1}, "warning", "1 day of accounts is missing."),
        ({"missing_days": 1200}, "warning", "1,200 days of accounts are missing."),
        ({"rejected": 1}, "warning", "1 record could not be understood and is in no figure."),
        ({"rejected": 2}, "warning", "2 records could not be understood and are in no figure."),
        ({"unpriced": 1}, "note", "1 recording has no price yet; the cost will rise as prices arrive."),
        (
            {"unpriced": 4310},
            "note",
            "4,310 recordings have no price yet; the cost will rise as prices arrive.",
        ),
        (
            {"checks": [FailedCheck("odd", "Look.", 1, False)]},
            "warning",
            "Check odd found 1 row. Look.",
        ),
        (
            {"oddities": Oddities({("unreadable duration", ""): Oddity(2, "RE1", "soon")})},
            "note",
            "Unexpected: unreadable duration in 2 rows (such as RE1: 'soon').",
        ),
        ({"oddities": odd({("price form", ""): 1})}, "note", "Unexpected: price form in 1 row."),
        ({"oddities": odd({("source", "Fax"): 1234})}, "note", "Unexpected: source 'Fax' in 1,234 rows."),
    ],
)
def test_run_remarks_say_one_thing_each(given: dict[str, Any], severity: str, text: str) -> None:
    (remark,) = run_remarks(**(NOTHING | given))
    assert (remark.severity, remark.text) == (severity, text)


def test_run_remarks_say_that_reports_stay_as_they_were() -> None:
    odd_rows = FailedCheck("odd", "Look.", 1, False)
    found = run_remarks(**(NOTHING | {"checks": [odd_rows, KEYS, KEYS]}))
    assert [(remark.severity, remark.text) for remark in found] == [
        ("warning", "Check odd found 1 row. Look."),
        *[("error", "Check keys_are_unique found 2 rows. Rows would count twice.")] * 2,
        ("error", "Because of what the checks found, the reports were not changed."),
    ]


def test_run_remarks_put_what_went_wrong_first() -> None:
    found = run_remarks(
        failed={"a": "No."},
        busy={"c": "Later."},
        warnings={"b": "Hm."},
        missing_days=3,
        rejected=2,
        unpriced=1,
        checks=[KEYS],
        oddities=odd({("source", "Fax"): 1}),
    )
    assert [remark.severity for remark in found] == [
        "error", "warning", "warning", "warning", "warning", "note", "error", "error", "note",
    ]  # fmt: skip


def test_run_remarks_show_ten_oddities_by_rows() -> None:
    found = run_remarks(**(NOTHING | {"oddities": odd({("source", f"S{n}"): n for n in range(1, 13)})}))
    assert len(found) == 11
    assert found[0].text == "Unexpected: source 'S12' in 12 rows."
    assert found[-1] == Remark("note", "2 more things were unexpected.", "ops.oddities")


def test_remark_names_its_report() -> None:
    assert days_missing(3).with_file == "3 days of accounts are missing. See reports/holes.csv."
    assert check_failed(KEYS).with_file == check_failed(KEYS).text


def test_remark_keeps_sample_rows_out_of_its_text() -> None:
    remark = check_failed(KEYS)
    assert remark.sample == "sid=RE1; sid=RE2"
    assert "RE1" not in remark.with_file
