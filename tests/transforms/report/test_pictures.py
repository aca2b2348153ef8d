"""Pictures of small models made by hand."""

import pytest

from transforms.errors import ModelError
from transforms.model.models import Model, read_twin
from transforms.report.pictures import entities, lineage, marts_page, room_lineage, rooms, with_parts

COLUMN = "type: VARCHAR, words: A."


def model(name: str, room: str, sql: str, key: str, facts: str = "") -> Model:
    columns = "".join(f"  {column}: {{{COLUMN}}}\n" for column in key.split(", "))
    twin = read_twin(
        f"description: One row.\nquestion: What is {name}?\nkey: [{key}]\n{facts}columns:\n{columns}"
        '  cost: {type: "DECIMAL(38,9)", words: A., unit: currency}\n',
        name,
    )
    return Model(f"marts.{name}", f"sql/marts/{room}/{name}.sql", sql, twin)


FACT = model("fct_recordings", "spend", "select * from landed.recordings", "recording_sid")
DAYS = model(
    "days", "spend", "select * from marts.fct_recordings", "day", "recordings: {columns: {day: '1'}}\n"
)
HOURS = model(
    "hours", "spend", "select * from marts.days, landed.settings", "day, hour", "recordings: {none: N.}\n"
)
BILL = model("bill", "bill", "select * from marts.hours", "day, hour, line", "recordings: {none: N.}\n")
MODELS = [FACT, DAYS, HOURS, BILL]


def test_lineage_has_an_arrow_for_each_pair_of_rooms() -> None:
    lines = lineage(MODELS).splitlines()
    assert [line.strip() for line in lines if "-->" in line] == ["landed --> spend", "spend --> bill"]
    assert '    spend["<b>spend</b><br>fct_recordings<br>days<br>hours"]' in lines


def test_room_lineage_shows_outside_tables_but_not_settings() -> None:
    lines = [line.strip() for line in room_lineage("spend", MODELS).splitlines()]
    assert [line for line in lines if "-->" in line] == [
        "landed_recordings --> marts_fct_recordings",
        "marts_fct_recordings --> marts_days",
        "marts_days --> marts_hours",
    ]
    assert 'landed_recordings(["landed.recordings"])' in lines


def test_entities_show_keys_and_how_marts_hang_together() -> None:
    lines = [line.strip() for line in entities("spend", MODELS).splitlines()]
    assert [line for line in lines if line.endswith("PK")] == [
        "VARCHAR recording_sid PK",
        "VARCHAR day PK",
        "VARCHAR day PK",
        "VARCHAR hour PK",
    ]
    assert [line for line in lines if "--o{" in line] == [
        'days ||--o{ hours : "has"',
        'days |o--o{ fct_recordings : "is made of"',
    ]


def test_entities_leave_out_what_follows_from_two_steps() -> None:
    three = [
        model(name, "one", "select 1", key) for name, key in (("a", "x"), ("b", "x, y"), ("c", "x, y, z"))
    ]
    lines = [line.strip() for line in entities("one", [FACT, *three]).splitlines()]
    assert [line for line in lines if "has" in line] == ['a ||--o{ b : "has"', 'b ||--o{ c : "has"']


def test_page_of_a_room_asks_the_question_of_each_mart() -> None:
    assert "| `bill` | What is bill? |" in marts_page("bill", MODELS).splitlines()
    assert rooms(MODELS) == ["bill", "spend"]


def test_parts_of_a_text_are_renewed_and_the_rest_stays() -> None:
    text = "above\n<!-- generated: one -->\nold\n<!-- end -->\nbelow\n"
    renewed = with_parts(text, {"one": r"new \1"})
    assert renewed == "above\n<!-- generated: one -->\n\nnew \\1\n<!-- end -->\nbelow\n"
    assert with_parts(renewed, {"one": r"new \1"}) == renewed
    with pytest.raises(ModelError, match="The markers for two are missing"):
        with_parts(text, {"two": ""})
