"""The tables that models read in addition to the lake, from files and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from flows.model.bill import bill_tables
from flows.model.coverage import AccountCoverage, coverage_table
from flows.model.second_look.comparison import COMPARISON_SCHEMA, compare_sample
from flows.stores.folder.reference import reference_table
from flows.stores.folder.runs import Runs
from flows.stores.folder.statements import Statements
from flows.stores.lake.commit import AppliedLanding, FoundOddity, OlderLandings
from flows.stores.lake.lake import Lake
from transforms.model.models import FACT, Model
from transforms.model.options import LARGE, ModelOptions
from transforms.model.reference import ACCOUNT_NAMES, REFERENCES
from transforms.normalize.control_totals import TOTALS_SCHEMA
from transforms.normalize.corrections import CORRECTION_SCHEMA, with_costs
from transforms.normalize.late_changes import CHANGE_SCHEMA
from transforms.schema import REJECT_SCHEMA

_NOT_IN_SQL = (
    "names",
    "providers",
    "provider",
    "credits",
    "billing_increments",
    "billing_increment_seconds",
    "with_usage",
    "embed_recordings",
)
"""Options without a column in `landed.settings`: they decide what is loaded, and how."""


def views(models: Sequence[Model], options: ModelOptions, covered: Sequence[AccountCoverage]) -> list[str]:
    """Return the models that are built as views."""
    views = [model.name for model in models if model.name.startswith("staging.")]
    is_embedded = options.embed_recordings
    if is_embedded == "auto":
        months = (files for account in covered for files in account.commit.months.values())
        is_embedded = sum(file.rows for files in months for file in files) < LARGE
    return views if is_embedded else [*views, FACT]


def _settings_row(options: ModelOptions, covered: Sequence[AccountCoverage]) -> dict[str, Any]:
    """Return the settings that SQL can read, and the newest day that was read."""
    seen = {
        field.name: getattr(options, field.name) for field in fields(options) if field.name not in _NOT_IN_SQL
    }
    return seen | {"as_of": _as_of(covered)}


def _as_of(covered: Sequence[AccountCoverage]) -> date | None:
    return max((day.day for account in covered for day in account.covered), default=None)


def landed_tables(
    data_dir: Path, reference: Path, options: ModelOptions, covered: Sequence[AccountCoverage]
) -> dict[str, pa.Table]:
    """Return the tables that models read besides the lake, by full name."""
    references = {each.name: reference_table(each, data_dir, reference) for each in REFERENCES}
    named = references.pop(ACCOUNT_NAMES.name).to_pylist()
    # An account without a name in the settings has its sid there.
    given = {sid: name for sid, name in options.names.items() if name != sid}
    names = {row["account_sid"]: row["account_name"] for row in named} | given
    lake = Lake(data_dir)
    landings = [(account.account_sid, each) for account in covered for each in account.commit.recent]
    as_of = _as_of(covered) or date.max
    return {
        **{f"landed.{name}": rows for name, rows in references.items()},
        **bill_tables(data_dir, covered, options.with_usage, ZoneInfo(options.reporting_timezone)),
        "landed.accounts": _rows(
            [
                {
                    "account_sid": sid,
                    "account_name": names.get(sid, sid),
                    "provider": options.providers.get(sid, options.provider),
                    "billing_increment_seconds": options.billing_increments.get(
                        sid, options.billing_increment_seconds
                    ),
                    "credits": options.credits.get(sid, "count"),
                }
                for sid in sorted({*names, *options.names, *(account.account_sid for account in covered)})
            ]
        ),
        "landed.settings": _rows([_settings_row(options, covered)]),
        **Statements(data_dir).tables(),
        "landed.changes": pa.concat_tables(
            [
                CHANGE_SCHEMA.empty_table(),
                *(lake.table(account.account_sid, "changes", account.commit) for account in covered),
            ]
        ),
        "landed.unread_days": _rows(
            [{"account_sid": account.account_sid, "day": day} for account in covered for day in account.holes]
        ),
        "ops.coverage": coverage_table(
            (account, lake.count_by_day(account.account_sid, as_of, commit=account.commit))
            for account in covered
        ),
        "ops.lake_totals": pa.Table.from_pylist(
            [row for account in covered for row in lake.control_totals(account.account_sid, account.commit)],
            TOTALS_SCHEMA,
        ),
        "ops.landings": _rows([_landing_row(*each) for each in landings]),
        "ops.landings_by_month": _rows(
            [_older_row(account.account_sid, each) for account in covered for each in account.commit.older]
        ),
        "ops.oddities": _rows(
            [
                *(row for _, each in landings for row in _oddity_rows(each.landing, each.oddities)),
                *(
                    row
                    for account in covered
                    for each in account.commit.older
                    for row in _oddity_rows(
                        f"raw/account_sid={account.account_sid}/{each.month}", each.oddities
                    )
                ),
            ]
        ),
        "ops.raw_comparison": pa.Table.from_pylist(compare_sample(data_dir, covered), COMPARISON_SCHEMA),
        "ops.rejects": pa.concat_tables(
            [
                REJECT_SCHEMA.empty_table(),
                *(lake.table(account.account_sid, "rejects", account.commit) for account in covered),
            ]
        ),
        "ops.corrections": with_costs(
            pa.concat_tables(
                [
                    CORRECTION_SCHEMA.empty_table(),
                    *(lake.table(account.account_sid, "corrections", account.commit) for account in covered),
                ]
            )
        ),
        **_runs(data_dir),
    }


def _runs(data_dir: Path) -> dict[str, pa.Table]:
    recent, older = Runs(data_dir).recent_and_older()
    return {
        "ops.runs": _rows([msgspec.structs.asdict(record) for record in recent]),
        "ops.runs_by_month": _rows([msgspec.structs.asdict(month) for month in older]),
    }


def _landing_row(account_sid: str, landing: AppliedLanding) -> dict[str, Any]:
    return {
        "landing": landing.landing,
        "account_sid": account_sid,
        "first_day": landing.first,
        "last_day": landing.last,
        "fetched_at": landing.fetched_at,
        "completed_at": landing.completed_at,
        "is_whole": landing.is_whole,
        **_counts(landing),
    }


def _older_row(account_sid: str, month: OlderLandings) -> dict[str, Any]:
    began = date.fromisoformat(f"{month.month}-01")
    return {"account_sid": account_sid, "began_in": began, "landings": month.landings, **_counts(month)}


def _counts(landed: AppliedLanding | OlderLandings) -> dict[str, int]:
    return {
        "pages": landed.pages,
        "rows": landed.rows,
        "new": landed.new,
        "repeated": landed.repeated,
        "rejected": landed.rejected,
        "outside": landed.outside,
    }


def _oddity_rows(landing: str, oddities: Sequence[FoundOddity]) -> list[dict[str, Any]]:
    return [
        {
            "landing": landing,
            "kind": each.kind,
            "value": each.value,
            "rows": each.rows,
            "example_sid": each.sid or None,
            "example_text": each.text or None,
        }
        for each in oddities
    ]


def _rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows))
