from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sql.tables import CHECKS, MODELS, TWINS
from transforms.model import wide
from transforms.model.models import FACT, Check, Model, references
from transforms.model.wide import LAKE, Month, batch, by_parts, parts, singles

WIDE = [model for model in MODELS if model.twin.wide]


def month(account_sid: str, name: str, size: int) -> Month:
    return Month(account_sid, name, (Path(f"{account_sid}/{name}.parquet"),), size)


def names(*months: Month) -> list[str]:
    return [part.name for part in parts(months)]


@pytest.fixture(autouse=True)
def ten_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "PART_BYTES", 10)


def test_small_lake_is_one_part_and_an_empty_one_has_none() -> None:
    assert names(month("A", "2026-08", 4), month("B", "2026-09", 6)) == ["all"]
    assert names() == []


def test_larger_lake_is_divided_by_year_month_and_account() -> None:
    found = names(
        month("A", "2024-12", 9),
        *(month("A", f"2025-{number:02}", 4) for number in (1, 2, 3)),
        month("A", "2026-01", 50),
        *(month(sid, "2026-02", 8) for sid in "ABCDEFGH"),
    )
    assert found[:5] == ["2024", "2025-01", "2025-02", "2025-03", "2026-01"]
    assert all(name.startswith("2026-02-") and name.endswith("-of-8") for name in found[5:])


sizes = st.lists(
    st.tuples(st.sampled_from("ABCDEF"), st.integers(2024, 2026), st.integers(1, 12), st.integers(1, 30)),
    unique_by=lambda each: each[:3],
)


@given(sizes)
def test_every_month_is_in_exactly_one_part(given_sizes: list[tuple[str, int, int, int]]) -> None:
    months = [month(sid, f"{year}-{number:02}", size) for sid, year, number, size in given_sizes]
    divided = parts(months)
    assert sorted(str(file) for part in divided for file in part.files) == sorted(
        str(file) for each in months for file in each.files
    )
    assert len({part.name for part in divided}) == len(divided)
    assert parts(reversed(months)) == divided


def test_growing_month_leaves_older_parts_as_they_are() -> None:
    old = [month("A", f"2025-{number:02}", 8) for number in range(1, 13)]
    before, after = (parts([*old, month("A", "2026-01", size)]) for size in (1, 9))
    assert before[:-1] == after[:-1]


def test_models_of_single_recordings_are_views_or_wide() -> None:
    single = {LAKE, *singles(MODELS)}
    assert single == {LAKE, FACT, "staging.stg_recordings"}
    others = [model for model in MODELS if not model.twin.wide and model.name not in single]
    # The signs of an account's prices are needed for each cost, and only accounts with net credits are read.
    assert [model.name for model in others if references(model.sql, model.file) & single] == [
        "marts.charge_signs"
    ]


@pytest.mark.parametrize("model", WIDE, ids=lambda model: model.name)
def test_wide_model_has_rows_of_one_account_and_utc_month(model: Model) -> None:
    of_one_month = {"charge_date", "charge_month", "recording_sid"}
    assert "account_sid" in model.twin.columns
    assert of_one_month & {*model.twin.key}
    assert "account_sid" in model.twin.key or "recording_sid" in model.twin.key


def test_batch_has_what_its_models_read() -> None:
    found = batch([model for model in WIDE if model.name == "marts.daily_spend_detail"], MODELS, TWINS, {})
    assert [model.name for model in found.singles] == ["staging.stg_recordings", FACT]
    assert found.given == [
        "landed.accounts",
        "landed.closed_months",
        "landed.closed_terms",
        "landed.settings",
        "marts.charge_signs",
    ]
    assert found.mentioned(TWINS["landed.settings"].columns) == [
        "reporting_timezone",
        "short_recording_seconds",
    ]


def test_batch_has_the_tables_of_its_checks() -> None:
    totals = next(check for check in CHECKS if check.name == "lake_equals_its_totals")
    found = batch([WIDE[0]], MODELS, TWINS, {totals.name: [totals.sql]})
    assert "ops.lake_totals" in found.given


@pytest.mark.parametrize(
    ("statement", "is_fact_a_view", "expected"),
    [
        (f"select * from {FACT} join marts.detail on true", True, True),
        (f"select * from {FACT} join marts.detail on true", False, False),
        (f"select recording_sid from {FACT} group by all", True, False),
        (f"select * from {LAKE}", True, False),
        ("select * from marts.detail", True, False),
        ("select * from marts.fct_recordings_of_old join marts.detail on true", True, False),
    ],
)
def test_wide_models_are_compared_with_recordings_by_parts(
    statement: str, is_fact_a_view: bool, expected: bool
) -> None:
    check = Check("some", "some.sql", statement, "fail", "Why.")
    assert by_parts(check, statement, ["marts.detail"], is_fact_a_view=is_fact_a_view) is expected
    assert by_parts(replace(check, by_parts=True), statement, [], is_fact_a_view=is_fact_a_view)


def test_shipped_checks_made_by_parts() -> None:
    wide_names = [model.name for model in WIDE]
    found = {
        check.name
        for check in CHECKS
        for statement in check.sql.split(";\n")
        if by_parts(check, statement, wide_names, is_fact_a_view=True)
    }
    assert found == {
        "days_follow_the_time_zone",
        "lake_equals_fact",
        "lake_equals_its_totals",
        "marts_sum_to_fact",
    }
