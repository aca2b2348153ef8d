"""What happens to a data folder that was damaged: what each command says, and whether the figures are right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from flows.stores.warehouse.warehouse import warehouse_path
from tests.support.faults.console import Said, recspend
from tests.support.faults.scene import NEXT_TO_CLOSE, Scene
from tests.support.runs.living_runs import clock_of, ledger_facts, warehouse_facts

READERS: Mapping[str, tuple[str, ...]] = {
    "status": ("status",),
    "doctor": ("doctor",),
    "query": ("query", "select sum(cost) from marts.fct_recordings"),
    "query of the lake": ("query", "select sum(price), max(raw_page) from landed.recordings"),
    "explain": ("explain", "daily_spend"),
    "check": ("check",),
    "report": ("report",),
    "close": ("close", NEXT_TO_CLOSE, "--accept-incomplete"),
    "normalize --rebuild": ("normalize", "--rebuild"),
}
"""Commands that a person may enter before the next run. Each gets a copy of the folder of its own if it writes."""

_WRITING = ("report", "close", "normalize --rebuild")
# When and from which page something was learned differs if a page had to be fetched again.
_HOW_KNOWN = {"first_seen_at", "first_priced_at", "raw_page"}

_BELOW_MARTS = ["ops.corrections", "ops.rejects", "landed.changes", "landed.usage_records"]

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Outcome:
    """What a run made of a damaged folder.

    said: what the run said. is_right: the warehouse has exactly the recordings of the emulator's ledger, or there is
    none. differing: marts with other rows than without the damage. read: what other commands said before. is_cured: a
    run is as if nothing had happened once the file is restored; None if that was not needed.
    """

    said: Said
    is_right: bool
    differing: list[str]
    read: Mapping[str, Said] = field(default_factory=dict)
    is_cured: bool | None = None

    @property
    def word(self) -> str:
        """The outcome in a word."""
        if self.said.is_unexpected or any(said.is_unexpected for said in self.read.values()):
            return "unexpected"
        if self.is_cured is False:
            return "not cured"
        if self.said.error:
            return "says"
        if not self.is_right:
            return "wrong"
        if self.differing:
            return "differs, and says" if self.warnings else "differs"
        return "equal"

    @property
    def warnings(self) -> list[str]:
        """The warnings that the run logged."""
        return [line for line in self.said.errors.splitlines() if " WARNING " in line]


def marts(data_dir: Path) -> dict[str, Rows]:
    """Return the rows of every mart and of what they are built from, without the columns on how it became known."""
    with duckdb.connect(str(warehouse_path(data_dir)), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name as name, list(column_name order by ordinal_position) "
            "from information_schema.columns where table_schema = 'marts' or list_contains(?, name) "
            "group by all order by all",
            [_BELOW_MARTS],
        ).fetchall()
        return {
            name: connection.execute(
                f"select {', '.join(each for each in columns if each not in _HOW_KNOWN)} "
                f"from {name} order by all"
            ).fetchall()
            for name, columns in names
        }


def examine(
    made_up: Scene,
    damage: Callable[[Path], None],
    undisturbed: Mapping[str, Rows],
    place: Path,
    readers: Mapping[str, tuple[str, ...]] = READERS,
    restored: Callable[[Path], None] | None = None,
    *,
    is_interrupted: bool = False,
) -> Outcome:
    """Damage a copy of the folder, and run.

    damage, restored: given the data folder, do the damage and undo it. undisturbed: the marts after a run without
    damage. place: an empty folder for the copies.
    """
    ledger, clock = made_up.source.ledger, clock_of(made_up.source.ledger)
    data_dir = made_up.copied(place / "data", is_interrupted=is_interrupted)
    environment = made_up.environment(data_dir)
    damage(data_dir)
    read: dict[str, Said] = {}
    for name, arguments in readers.items():
        if name in _WRITING:
            own = made_up.copied(place / name, is_interrupted=is_interrupted)
            damage(own)
            read[name] = recspend(*arguments, environment=made_up.environment(own), clock=clock)
        else:
            read[name] = recspend(*arguments, environment=environment, clock=clock)
    said = recspend("run", environment=environment, clock=clock)

    def is_right() -> bool:
        return warehouse_facts(data_dir) == ledger_facts(ledger)

    def differing() -> list[str]:
        found = marts(data_dir)
        names = sorted(found.keys() | undisturbed.keys())
        return [name for name in names if found.get(name) != undisturbed.get(name)]

    if not said.error:
        return Outcome(said, is_right(), differing(), read)
    is_cured = None
    if restored is not None:
        restored(data_dir)
        again = recspend("run", environment=environment, clock=clock)
        is_cured = not again.error and is_right() and not differing()
        if not is_cured:
            said = Said(
                said.code, said.output, f"{said.errors}\nAfter restoring: {again.errors[-500:]}{differing()}"
            )
    return Outcome(said, True, [], read, is_cured)
