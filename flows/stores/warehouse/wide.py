"""The wide models of a warehouse: built part by part of the lake, where something they are made of changed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from flows.stores.warehouse.checks import NOTHING, Found
from flows.stores.warehouse.inputs import WarehouseInputs, bytes_of, digest_of, stamp
from flows.stores.warehouse.machine import workers
from flows.stores.warehouse.parts import Made, PartFiles, columns_read
from flows.stores.warehouse.tables import parquet, refuse_drift
from transforms.model.models import FACT, Model, Twin
from transforms.model.wide import LAKE, PART_BYTES, Batch, Part, batch, by_parts, is_read, parts, singles

_LAYOUT = b"1"
"""Change this when the same inputs result in different files."""
_WORTH_SHARING = 2 * PART_BYTES
"""From how many bytes of the lake on parts are built side by side. DuckDB uses several cores for one part, too."""


class WideTables:
    """The wide models of a data folder, for one build of the warehouse."""

    def __init__(self, data_dir: Path, contents: WarehouseInputs) -> None:
        self._files = PartFiles(data_dir)
        self._contents = contents
        self._twins: Mapping[str, Twin] = {
            **contents.twins,
            **{model.name: model.twin for model in contents.models},
        }
        self._filled: set[str] = set()
        self._checked: set[str] = set()
        self._found: dict[str, Found] = {}
        self._records: set[Path] = set()

    @cached_property
    def _parts(self) -> list[Part]:
        return parts(self._contents.months())

    @cached_property
    def _stamps(self) -> dict[Part, str]:
        """What each part is read from. There are thousands of files, and each build of a part asks."""
        return {part: digest_of(map(stamp, part.files)) for part in self._parts}

    def lake_files(self) -> list[Path]:
        """Return the files from which the lake is read; first, copies of many small ones are brought up to date.

        Raises DataError if the lake is damaged.
        """
        scattered = [part for part in self._parts if part.is_scattered]
        shared = digest_of(_versions())
        inputs = {part: self._inputs(shared, part, {}) for part in scattered}
        stale = [part for part in scattered if self._files.made([LAKE], part, inputs[part]) is None]
        with _mapped(_at_once(stale)) as mapped:
            list(mapped(lambda part: self._files.copy(part, inputs[part]), stale))
        self._records |= {self._files.of(LAKE, part) for part in scattered}
        self._records |= {self._files.record([LAKE], part) for part in scattered}
        return [file for part in self._parts for file in self._files.lake(part)]

    def fill(
        self,
        connection: duckdb.DuckDBPyConnection,
        model: Model,
        order: Sequence[Model],
        built: Sequence[str],
    ) -> None:
        """Create the table of a wide model in a warehouse. Its files are made first, with all others that can be.

        The lake must be ready to be read (`lake_files`).

        order: all models, each after those it reads. built: those that the warehouse has. Raises as `build_model`, and
        DataError if the lake is damaged.
        """
        if model.name not in self._filled:
            self._build(connection, self._next(connection, order, {*built, *self._contents.twins}))
        columns = ", ".join(f'"{column}"' for column in model.twin.columns)
        files = [self._files.of(model.name, part) for part in self._parts]
        connection.execute(f"create table {model.name} as select {columns} from {parquet(files)}")  # noqa: S608
        refuse_drift(connection, model.name, model.twin)

    def is_checked(self, statement: str) -> bool:
        """Return whether a statement of a check was made of each part by itself."""
        return statement in self._checked

    def found(self, check: str) -> Found:
        """Return what those statements of a check found, in all parts."""
        return self._found.get(check, NOTHING)

    def tidy(self) -> None:
        """Remove the files of parts and models that no longer exist."""
        kept = {self._files.of(name, part) for name in self._filled for part in self._parts} | self._records
        for path in [path for path in self._files.folder.rglob("*") if path.is_file() and path not in kept]:
            path.unlink()

    def _next(
        self, connection: duckdb.DuckDBPyConnection, order: Sequence[Model], built: Collection[str]
    ) -> Batch:
        """Return the batch of all wide models that can be built now, with the checks that can be made of its parts."""
        wide = [model for model in order if model.twin.wide and model.name not in self._filled]
        ready = [model for model in wide if {*batch([model], order, self._twins, {}).given} <= {*built}]
        return batch(ready, order, self._twins, self._checks(connection, order, ready))

    def _checks(
        self, connection: duckdb.DuckDBPyConnection, order: Sequence[Model], ready: Sequence[Model]
    ) -> dict[str, list[str]]:
        wide = [model.name for model in order if model.twin.wide]
        here = {*singles(order), *(model.name for model in ready)}
        others = [model.name for model in order if model.name not in here]
        is_fact_a_view = FACT in self._contents.views
        checks: dict[str, list[str]] = {}
        for check in self._contents.checks:
            for statement in (each.query for each in connection.extract_statements(check.sql)):
                is_due = by_parts(check, statement, wide, is_fact_a_view=is_fact_a_view)
                if (
                    is_due
                    and not self.is_checked(statement)
                    and not any(is_read(name, statement) for name in others)
                ):
                    checks.setdefault(check.name, []).append(statement)
        return checks

    def _build(self, connection: duckdb.DuckDBPyConnection, due: Batch) -> None:
        """Bring the files of all parts up to date, and add up what checks found in them."""
        given = {name: self._rows(connection, due, name) for name in due.given}
        shared = digest_of(self._shared(due))
        inputs = {part: self._inputs(shared, part, _of_part(given, part)) for part in self._parts}
        names = [model.name for model in due.wide]
        made = {part: self._files.made(names, part, inputs[part]) for part in self._parts}
        stale = [part for part in self._parts if made[part] is None]
        at_once = _at_once(stale)
        lake_columns = columns_read(due, self._twins[LAKE])

        def build(part: Part) -> Made:
            return self._files.build(due, part, _of_part(given, part), inputs[part], lake_columns, at_once)

        with _mapped(at_once) as mapped:
            made |= dict(zip(stale, mapped(build, stale), strict=True))
        for each in filter(None, made.values()):
            for check, found in each.found.items():
                self._found[check] = self.found(check) + found
        self._records |= {self._files.record(names, part) for part in self._parts}
        self._checked |= {statement for each in due.checks.values() for statement in each}
        self._filled |= {model.name for model in due.wide}

    def _rows(self, connection: duckdb.DuckDBPyConnection, due: Batch, name: str) -> pa.Table:
        """Return the columns of a table that can have an effect, in an order that stays."""
        columns = columns_read(due, self._twins[name])
        return connection.sql(f"select {', '.join(columns)} from {name} order by all").to_arrow_table()  # noqa: S608

    def _inputs(self, shared: str, part: Part, given: Mapping[str, pa.Table]) -> str:
        rows = (bytes_of(each) for each in given.values())
        return digest_of([shared.encode(), self._stamps[part].encode(), *rows])

    def _shared(self, due: Batch) -> Iterator[bytes]:
        """Yield what all parts are made of."""
        yield from _versions()
        for model in (*due.singles, *due.wide):
            yield f"{model.name} {model.sql}".encode()
        for model in due.wide:
            yield msgspec.json.encode(model.twin)
        for check, statements in due.checks.items():
            yield f"{check} {statements}".encode()


def _versions() -> Iterator[bytes]:
    yield _LAYOUT
    yield duckdb.__version__.encode()


def _at_once(stale: Sequence[Part]) -> int:
    """Return how many of these parts are built side by side."""
    return min(workers(), len(stale)) if sum(part.bytes for part in stale) >= _WORTH_SHARING else 1


def _of_part(given: Mapping[str, pa.Table], part: Part) -> dict[str, pa.Table]:
    """Return the rows of the accounts and the month of a part, of the tables that have them."""
    return {name: _filtered(rows, part) for name, rows in given.items()}


def _filtered(rows: pa.Table, part: Part) -> pa.Table:
    for column, values in (
        ("account_sid", {month.account_sid for month in part.months}),
        ("created_month", {month.month for month in part.months}),
    ):
        if column in rows.column_names:
            rows = rows.filter(pc.is_in(rows[column], value_set=pa.array(sorted(values), pa.string())))
    return rows


@contextmanager
def _mapped(at_once: int) -> Iterator[Callable[[Callable[[Part], Made], Sequence[Part]], Iterator[Made]]]:
    """Yield a `map` that runs this many calls side by side. When one fails or on Ctrl-C, no more are begun."""
    if at_once == 1:
        yield map
        return
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="wide")
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
