from collections.abc import Mapping

import msgspec
import pyarrow as pa
import pytest

from tests.support import TOP
from transforms.model.models import Twin, read_twin
from transforms.schema import (
    CONTENT_COLUMNS,
    CONTENT_NAMES,
    LAKE_COLUMNS,
    LAKE_SCHEMA,
    MODEL_WORDS,
    SIGHTING_COLUMNS,
    SOURCES,
    Column,
)

SQL = TOP / "sql"
TWINS = {
    f"{file.relative_to(SQL).parts[0]}.{file.stem}": read_twin(file.read_text(), str(file))
    for file in sorted(SQL.glob("**/*.yml"))
}

# Columns of the bookkeeping tables that share a name with the dictionary and mean something else.
MEANS_SOMETHING_ELSE = {
    ("ops.rejects", "recording_sid"),
    ("ops.rejects", "created_at"),
    ("ops.rejects", "raw_page"),
    ("ops.raw_comparison", "raw_page"),
    ("ops.runs", "started_at"),
    ("landed.accounts", "credits"),
    ("landed.rate_card", "account_sid"),
    ("landed.rate_card", "source"),
    ("landed.rate_card", "channels"),
    ("landed.storage_rates", "account_sid"),
    ("ops.coverage", "recordings"),
    ("landed.usage_records", "usage_date"),
    ("landed.usage_records", "recordings"),
    ("landed.usage_records", "currency"),
    ("landed.usage_records", "price"),
    ("landed.usage_records", "raw_page"),
    ("landed.invoices", "account_sid"),
    ("landed.invoices", "month"),
    ("landed.budgets", "account_sid"),
}

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int32": "INTEGER",
    "decimal128(18, 9)": "DECIMAL(18,9)",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}

Words = Mapping[str, tuple[str, str]]
LAKE_WORDS: Words = {column.name: (column.words, column.unit) for column in LAKE_COLUMNS}


def dictionary_of(twin: Twin, lake_words: Words, model_words: Words) -> dict[str, tuple[str, str]]:
    """Return the expected description and unit of each column of a twin: of one recording, or of a sum of many."""
    if "recording_sid" in twin.columns:
        return {**model_words, **lake_words}
    return {**lake_words, **model_words}


def disagreements(twins: Mapping[str, Twin], lake_words: Words, model_words: Words) -> list[str]:
    """List where twins and dictionary differ: in a description or unit, or by an entry that no twin uses."""
    found, used = [], set()
    for name, twin in twins.items():
        words_of = dictionary_of(twin, lake_words, model_words)
        for column_name, column in twin.columns.items():
            if column_name in words_of and (name, column_name) not in MEANS_SOMETHING_ELSE:
                if (column.words, column.unit) == words_of[column_name]:
                    used.add((column_name, column.words))
                else:
                    found.append(f"{name}.{column_name} says {column.words!r} ({column.unit})")
    for column_name, (words, _) in [*lake_words.items(), *model_words.items()]:
        if (column_name, words) not in used:
            found.append(f"no twin has {column_name}: {words!r}")
    return found


def with_column(name: str, column_name: str, **changes: str) -> dict[str, Twin]:
    twin = TWINS[name]
    column = msgspec.structs.replace(twin.columns[column_name], **changes)
    return TWINS | {name: msgspec.structs.replace(twin, columns=twin.columns | {column_name: column})}


def without_column(column_name: str) -> dict[str, Twin]:
    return {
        name: msgspec.structs.replace(
            twin, columns={each: column for each, column in twin.columns.items() if each != column_name}
        )
        for name, twin in TWINS.items()
    }


def test_twins_are_found() -> None:
    assert {
        "landed.recordings",
        "staging.stg_recordings",
        "marts.fct_recordings",
        "marts.daily_spend",
    } <= TWINS.keys()


def test_twins_agree_with_the_dictionary() -> None:
    assert disagreements(TWINS, LAKE_WORDS, MODEL_WORDS) == []


@pytest.mark.parametrize(
    ("name", "column_name"),
    [
        ("landed.recordings", "price"),
        ("staging.stg_recordings", "created_at"),
        ("marts.fct_recordings", "duration_seconds"),
        ("marts.fct_recordings", "cost"),
        ("marts.daily_spend", "duration_seconds"),
        ("marts.spend_by_source", "cost_per_minute"),
        ("ops.coverage", "account_sid"),
    ],
)
def test_changed_twin_is_noticed(name: str, column_name: str) -> None:
    for changes in ({"words": "Something else."}, {"unit": "parsecs"}):
        drifted = with_column(name, column_name, **changes)
        assert len(disagreements(drifted, LAKE_WORDS, MODEL_WORDS)) >= 1


def test_sum_described_like_a_single_recording_is_noticed() -> None:
    words, unit = LAKE_WORDS["duration_seconds"]
    drifted = with_column("marts.daily_spend", "duration_seconds", words=words, unit=unit)
    assert len(disagreements(drifted, LAKE_WORDS, MODEL_WORDS)) == 1


@pytest.mark.parametrize("column_name", [*LAKE_WORDS, *MODEL_WORDS])
def test_changed_or_unused_dictionary_entry_is_noticed(column_name: str) -> None:
    words = {column_name: ("Something else.", "")}
    in_lake = {name: words.get(name, said) for name, said in LAKE_WORDS.items()}
    in_models = {name: words.get(name, said) for name, said in MODEL_WORDS.items()}
    assert disagreements(TWINS, in_lake, in_models)
    assert disagreements(without_column(column_name), LAKE_WORDS, MODEL_WORDS)


def test_new_entry_that_no_twin_uses_is_noticed() -> None:
    assert disagreements(TWINS, LAKE_WORDS, {**MODEL_WORDS, "rates": ("Rates.", "")}) == [
        "no twin has rates: 'Rates.'"
    ]


@pytest.mark.parametrize(("name", "column_name"), sorted(MEANS_SOMETHING_ELSE))
def test_exempt_columns_do_mean_something_else(name: str, column_name: str) -> None:
    twin = TWINS[name]
    column = twin.columns[column_name]
    assert (column.words, column.unit) != dictionary_of(twin, LAKE_WORDS, MODEL_WORDS)[column_name]
    assert name.startswith(("ops.", "landed."))


def test_landed_recordings_have_the_columns_of_the_lake() -> None:
    assert [(name, column.type) for name, column in TWINS["landed.recordings"].columns.items()] == [
        (field.name, DUCKDB_TYPES[str(field.type)]) for field in LAKE_SCHEMA
    ]


@pytest.mark.parametrize("name", ["staging.stg_recordings", "marts.fct_recordings"])
def test_recording_tables_begin_with_the_columns_of_the_lake(name: str) -> None:
    assert list(TWINS[name].columns.items())[: len(LAKE_SCHEMA)] == list(
        TWINS["landed.recordings"].columns.items()
    )


# Written out by hand from the design of the lake, so that no column changes unnoticed.
LAKE = """
recording_sid string not null
account_sid string not null
call_sid string
conference_sid string
source string not null
source_raw string
status string not null
channels int8
duration_seconds int32
price decimal128(18, 9)
price_raw string
currency string not null
created_at timestamp[us, tz=UTC] not null
updated_at timestamp[us, tz=UTC] not null
started_at timestamp[us, tz=UTC]
ended_at timestamp[us, tz=UTC]
error_code string
uri string not null
media_location string
is_encrypted bool
first_seen_at timestamp[us, tz=UTC]
first_priced_at timestamp[us, tz=UTC]
deleted_at timestamp[us, tz=UTC]
raw_page string not null
"""


def test_lake_has_the_columns_of_its_design() -> None:
    described = [f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in LAKE_SCHEMA]
    assert described == LAKE.split("\n")[1:-1]


def test_lake_schema_follows_its_columns() -> None:
    assert LAKE_COLUMNS == CONTENT_COLUMNS + SIGHTING_COLUMNS
    assert pa.schema([pa.field(each.name, each.type, each.nullable) for each in LAKE_COLUMNS]) == LAKE_SCHEMA
    assert list(CONTENT_NAMES) == LAKE_SCHEMA.names[: len(CONTENT_COLUMNS)]
    assert len(set(LAKE_SCHEMA.names)) == len(LAKE_COLUMNS)


@pytest.mark.parametrize("column", LAKE_COLUMNS, ids=lambda column: column.name)
def test_columns_of_quantities_and_instants_have_a_unit(column: Column) -> None:
    is_plain = pa.types.is_string(column.type) or pa.types.is_boolean(column.type)
    assert bool(column.unit) == (not is_plain or column.name == "price_raw")
    assert (column.unit == "UTC") == pa.types.is_timestamp(column.type)
    assert column.words.endswith(".")


def test_sources_are_the_seven_documented_ones() -> None:
    assert set(SOURCES) == {
        "DialVerb", "Conference", "OutboundAPI", "Trunking", "RecordVerb", "StartCallRecordingAPI",
        "StartConferenceRecording",
    }  # fmt: skip
