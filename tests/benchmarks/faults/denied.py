"""What happens to runs on a full disk, with limits, in a folder of somebody else, or next to another run."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tests.benchmarks.faults.progress import say
from tests.support.docs import table
from tests.support.faults.console import Said, recspend
from tests.support.faults.denied import (
    LIMITS,
    READING,
    WRITING,
    foreign,
    is_foreign_possible,
    limited,
    while_written,
)
from tests.support.faults.full_disk import Filled, filled
from tests.support.faults.scene import Scene, quick_runs
from tests.support.runs.living_runs import clock_of, ledger_facts, warehouse_facts

# The first files are small, the warehouse is large. In steps of a block, then of the pieces that DuckDB writes.
_FREE_KB = (*range(8, 400, 8), *range(400, 2_000, 100), *range(2_000, 12_000, 500))
_GROUPS_KB = (100, 200, 400, 2_000, 12_000)
_NOT_MEASURED = "Not measured: this user may not {}."


def full_disks(made_up: Scene, place: Path) -> str:
    """Do a run at each of many free sizes; return the outcomes as a table."""
    with quick_runs():
        found = list(filled(made_up, place, _FREE_KB))
    if not found:
        return _NOT_MEASURED.format("mount a file system")
    rows = []
    for limit, group in groupby(found, lambda each: next(kb for kb in _GROUPS_KB if each.free_kb <= kb)):
        each = list(group)
        first = each[0].free_kb
        ended = [_of_disk(one) for one in each]
        say(f"{first} to {limit} KB: {ended}")
        rows.append(
            [
                f"{first:,} to {each[-1].free_kb:,} KB",
                str(len(each)),
                *(str(ended.count(word)) for word in ("says", "fits", "unexpected")),
                str(sum(one.is_left_right for one in each)),
                str(sum(one.is_right_with_room for one in each)),
            ]
        )
    head = ["free at the start", "runs", "says", "fits", "otherwise", "figures stay right", "the next, equal"]
    return table(head, rows)


def _of_disk(one: Filled) -> str:
    return "unexpected" if one.said.is_unexpected else "says" if one.said.error else "fits"


def denials(made_up: Scene, place: Path) -> str:
    """Deny runs something; return what they say, and what the next one is, as a table."""
    head = ["what is denied", "command", "it", "the next run"]
    return table(
        head, [*_limited(made_up, place), *_foreign(made_up, place), *_second_writers(made_up, place)]
    )


def _limited(made_up: Scene, place: Path) -> Iterator[list[str]]:
    for name, limit in LIMITS.items():
        data_dir = made_up.copied(place / "data")
        said = limited(made_up, data_dir, limit)
        yield [name, "`run`", _word(said), _next(made_up, data_dir)]


def _foreign(made_up: Scene, place: Path) -> Iterator[list[str]]:
    if not is_foreign_possible():
        yield ["a folder of another user", "", _NOT_MEASURED.format("give a folder away"), ""]
        return
    for name, mode in (("closed", 0o700), ("that can be read", 0o755)):
        data_dir = made_up.copied(place / "data")
        said = list(foreign(made_up, data_dir, mode, [*WRITING, *READING]))
        after = _next(made_up, data_dir)
        yield from _by_word(f"a folder of another user, {name}", said, after)


def _second_writers(made_up: Scene, place: Path) -> Iterator[list[str]]:
    data_dir = made_up.copied(place / "data")
    found = list(while_written(made_up, data_dir, [*WRITING, ("check", "--full"), *READING]))
    after = _next(made_up, data_dir)
    yield from _by_word(
        "the folder, while another run writes", [(command, said) for command, said, _ in found], after
    )
    refused = [is_named for _, said, is_named in found if said.error]
    yield ["", "", f"{sum(refused)} of {len(refused)} that say something name the process that writes", ""]


def _by_word(what: str, said: Iterable[tuple[str, Said]], after: str) -> Iterator[list[str]]:
    by_word: dict[str, list[str]] = {}
    for command, each in said:
        say(f"{what}: {command}: {each.code} {each.error}")
        by_word.setdefault(_word(each), []).append(f"`{command}`")
    for word, commands in by_word.items():
        yield [what, ", ".join(commands), word, after]


def _word(said: Said) -> str:
    if said.is_unexpected or said.code < 0:
        return f"ends with {said.code}"
    return "says" if said.error else "works"


def _next(made_up: Scene, data_dir: Path) -> str:
    ledger = made_up.source.ledger
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(ledger))
    return "equal" if not said.error and warehouse_facts(data_dir) == ledger_facts(ledger) else "wrong"
