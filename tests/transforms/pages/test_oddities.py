import pytest

from tests.support.samples.transforms import listed, recording
from transforms.pages.oddities import Oddities, Oddity, example_text


def test_oddity_has_the_first_row_as_example() -> None:
    found = listed(
        recording('"R1"', duration='"4"'),
        recording('"R2"', duration='"soon"', source='"Fax"', date_updated='"later"'),
        recording('"R3"', duration='"never"', source='"Fax"'),
        recording('"R4"', odd="1", price='"0.00249999999999"'),
    ).oddities.found
    assert found == {
        ("unreadable duration", ""): Oddity(2, "R2", "soon"),
        ("unknown source", "Fax"): Oddity(2, "R2", "Fax"),
        ("unreadable date_updated", ""): Oddity(1, "R2", "later"),
        ("unknown field", "odd"): Oddity(1, "R4"),
        ("price rounded to nine decimals", ""): Oddity(1, "R4", '"0.00249999999999"'),
    }


@pytest.mark.parametrize(
    ("text", "is_number", "shown"),
    [
        ("soon", False, "soon"),
        (None, False, ""),
        ("+49 30 901820", False, ""),
        ("call 4915112345678", False, ""),
        ("ann@example.com", False, ""),
        ("0.002499999999999", True, "0.002499999999999"),
        ("StartCallRecordingAPI2", False, "StartCallRecordingAPI2"),
        ("x" * 41, False, "x" * 39 + "…"),
    ],
)
def test_example_leaves_out_what_may_be_personal(text: str | None, is_number: bool, shown: str) -> None:
    assert example_text(text, is_number=is_number) == shown


def test_oddities_add_up_and_keep_the_first_example() -> None:
    one, other = Oddities(), Oddities()
    one.add("unreadable duration", rows=2, sid="R1", text="soon")
    other.add("unreadable duration", sid="R9", text="x")
    other.add("unknown field", "odd", sid="R8")
    total = one + other
    assert total.found == {
        ("unreadable duration", ""): Oddity(3, "R1", "soon"),
        ("unknown field", "odd"): Oddity(1, "R8"),
    }
    assert one.counts == {("unreadable duration", ""): 2}
    assert bool(total)
    assert not Oddities()


@pytest.mark.parametrize(
    ("oddity", "value", "words"),
    [
        (Oddity(1), "", "1 row"),
        (Oddity(1200, "R1"), "", "1,200 rows (such as R1)"),
        (Oddity(2, "R1", "it's"), "", '2 rows (such as R1: "it\'s")'),
        (Oddity(2, "R1", "Fax"), "Fax", "2 rows (such as R1)"),
        (Oddity(2, "", "Fax"), "", "2 rows (such as 'Fax')"),
    ],
)
def test_oddity_says_how_many_rows_with_an_example(oddity: Oddity, value: str, words: str) -> None:
    assert oddity.words(value) == words
