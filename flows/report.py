"""Report: the marts as CSV files for finance, and the exports for cost systems."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from flows.exports import FOCUS, LeftOut, exports
from flows.page import write_page
from flows.presets import PRESETS, Preset
from flows.stores.files import write_if_changed
from flows.stores.warehouse import Warehouse, warehouse_path
from transforms.errors import ChecksFailedError
from transforms.reports import to_csv

_DETAIL = "fct_recordings"
"""The one mart that is no report: it has a row per recording and lives in the warehouse."""


@dataclass(slots=True)
class ReportSummary:
    """The report files, how many of them had to be written, and what the exports do not hold."""

    files: list[Path] = field(default_factory=list)
    written: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


def report(
    data_dir: Path, sql: Path, presets: Collection[Preset] = (), *, with_page: bool = True
) -> ReportSummary:
    """Write `reports/<name>.csv` for each spend table of the warehouse and for each SELECT in the folder `sql/reports`,
    and `reports/report.html`, the page to look at.

    `sql` is the folder of the models. FOCUS is written as Parquet too, and a file for each of the presets; one that was
    written before is kept up, so that it never stands beside newer figures. A file with the same content is left alone.
    Raises ChecksFailedError, and leaves all files as they are, when a check of severity fail stands against the
    figures.
    """
    warehouse = Warehouse(warehouse_path(data_dir))
    failed = warehouse.table(
        "select name from ops.checks where severity = 'fail' and not is_passed order by name"
    )["name"].to_pylist()
    if failed:
        raise ChecksFailedError(
            f"Checks failed: {', '.join(failed)}. The reports stay as they were; see `recspend check`."
        )
    folder, summary = data_dir / "reports", ReportSummary()
    kept_up = {preset for preset, limits in PRESETS.items() if (folder / limits.file).exists()}
    for contents in (
        _tables(warehouse, sql),
        exports(warehouse, sql, kept_up.union(presets), summary.left_out),
    ):
        for name, content in contents:
            summary.written += write_if_changed(folder / name, content)
            summary.files.append(folder / name)
    if with_page:
        tables = {name: _rows(warehouse, select) for name, select in _page_selects(sql).items()}
        summary.written += write_page(folder / "report.html", tables)
        summary.files.append(folder / "report.html")
    return summary


def _tables(warehouse: Warehouse, sql: Path) -> Iterator[tuple[str, bytes]]:
    marts = warehouse.table(
        "select table_name from information_schema.tables where table_schema = 'marts' order by table_name"
    )["table_name"].to_pylist()
    selects = {mart: f'select * from marts."{mart}"' for mart in marts if mart != _DETAIL}  # noqa: S608
    selects |= {path.stem: path.read_text("utf-8") for path in sorted((sql / "reports").glob("*.sql"))}
    for name, select in selects.items():
        if name != FOCUS:
            yield f"{name}.csv", to_csv(_rows(warehouse, select)).encode()


def _rows(warehouse: Warehouse, select: str) -> pa.Table:
    """The rows of a SELECT, in an order that is the same each time."""
    return warehouse.table(f"select * from ({select}) order by all")  # noqa: S608


def _page_selects(sql: Path) -> dict[str, str]:
    """What the page is made of: the SELECTs in `sql/page`, and the holes."""
    paths = [*sorted((sql / "page").glob("*.sql")), sql / "reports" / "holes.sql"]
    return {path.stem: path.read_text("utf-8") for path in paths}
