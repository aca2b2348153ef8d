"""The journal: what counts as landed after a power cut, and after damage."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.journal import START, Journal, LandedPage, Manifest, Position, encoded
from flows.stores.raw.packs import Packs
from tests.support.samples.stores import utc
from transforms.errors import DataError

PAGE = LandedPage("ab" * 32, 1234, 7)


JULY = utc(2026, 7, 2)


def line(number: int, ended: datetime = JULY) -> Manifest:
    """Return a landing; lines with different numbers began at different instants."""
    began = ended - timedelta(minutes=number)
    return Manifest(date(2026, 7, 1), date(2026, 7, 1), began, ended, True, "https://example.com/1", [PAGE])


def numbers(journal: Journal, since: Position = START) -> list[datetime]:
    return [each.fetched_at for each in journal.since(since)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def test_lines_are_read_in_the_order_they_were_written(journal: Journal) -> None:
    for number in (3, 1, 2):
        journal.append(line(number))
    assert numbers(journal) == [line(number).fetched_at for number in (3, 1, 2)]
    assert (journal.end()[:2], journal.months()) == (("2026-07", 3), ["2026-07"])


def test_only_what_came_after_a_position_is_read(journal: Journal) -> None:
    journal.append(line(1))
    position = journal.end()
    assert numbers(journal, position) == []
    journal.append(line(2))
    journal.append(line(3, utc(2026, 8, 1)))
    assert numbers(journal, position) == [line(2).fetched_at, line(3, utc(2026, 8, 1)).fetched_at]
    assert journal.has(position)
    assert not journal.has(journal.end()._replace(lines=2))
    assert not journal.has(journal.end()._replace(month="2026-09"))


def test_position_is_not_known_once_a_line_before_it_is_another(journal: Journal) -> None:
    """Lines that were applied are not decoded again, but compared with a digest."""
    journal.append(line(1))
    journal.append(line(2))
    position = journal.end()
    journal.append(line(3))
    path = journal.path("2026-07")
    path.write_bytes(path.read_bytes().replace(b'"is_whole":true', b'"is_whole":flse', 1))
    assert numbers(journal, position) == [line(3).fetched_at]
    assert not journal.has(position)


def test_instant_of_a_landing_that_ended_is_known(journal: Journal) -> None:
    journal.append(line(1))
    began = line(1).fetched_at
    assert journal.has_begun(began)
    assert not journal.has_begun(began + timedelta(microseconds=1))


def test_line_goes_to_the_newest_month_after_a_clock_went_back(journal: Journal) -> None:
    journal.append(line(1, utc(2026, 9, 1)))
    position = journal.end()
    journal.append(line(2, utc(2026, 7, 2)))
    assert numbers(journal, position) == [line(2, utc(2026, 7, 2)).fetched_at]


def test_line_after_a_closed_month_goes_to_the_next(tmp_path: Path, journal: Journal) -> None:
    packs = Packs(tmp_path)
    packs.write(packs.path("2026-12"), [], dict[str, bytes]().__getitem__, encoded(line(1)))
    journal.append(line(2, utc(2026, 12, 31)))
    assert journal.months() == ["2026-12", "2027-01"]
    assert numbers(journal) == [line(1).fetched_at, line(2, utc(2026, 12, 31)).fetched_at]


@given(cut=st.integers(0, 400))
def test_line_that_was_cut_off_does_not_count(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("account")
    journal = Journal(folder)
    journal.append(line(1))
    path = journal.path("2026-07")
    torn = encoded(line(2))[:-1][:cut]
    with path.open("ab") as file:
        file.write(torn)
    assert numbers(journal) == [line(1).fetched_at]
    journal.append(line(3))
    assert numbers(journal) == [line(1).fetched_at, line(3).fetched_at]
    assert path.read_bytes() == encoded(line(1)) + encoded(line(3))


@pytest.mark.parametrize("damage", ['"rows"', "{}", "", "[]", "\x00", "{"])
def test_damaged_line_is_an_error_that_says_which(damage: str, journal: Journal) -> None:
    journal.append(line(1))
    journal.append(line(2))
    path = journal.path("2026-07")
    _, second = path.read_text().splitlines()
    path.write_text(f"{damage}\n{second}\n")
    with pytest.raises(
        DataError, match=rf"^Line 1 of {path} is damaged\. Restore the file from a backup, or remove"
    ):
        list(journal.since())


def test_damaged_line_of_a_pack_is_an_error_that_names_the_pack(tmp_path: Path, journal: Journal) -> None:
    packs = Packs(tmp_path)
    packs.write(
        packs.path("2026-07"), [], dict[str, bytes]().__getitem__, encoded(line(1)).replace(b"7", b"8")
    )
    with pytest.raises(DataError, match=r"2026-07\.arrow is damaged\. Restore the file from a backup\.$"):
        journal.lines("2026-07")


def test_no_changed_character_is_believed(journal: Journal) -> None:
    journal.append(line(1))
    path = journal.path("2026-07")
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0x02
        path.write_bytes(bytes(damaged))
        try:
            found = list(Journal(path.parents[1]).since())
        except DataError:
            continue
        # A number can be written in two ways; then it says the same.
        assert found in ([], [line(1)]) or found[0].check == line(1).check
