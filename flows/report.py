"""Report: the marts as CSV files for finance."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from flows.page import write_page
from flows.stores.files import write_if_changed
from flows.stores.warehouse import Warehouse, warehouse_path
from transforms.errors import ChecksFailedError
from transforms.reports import to_csv

_DETAIL = "fct_recordings"
"""The one mart that is no report: it has a row per recording and lives in the warehouse."""


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """The report files, and how many of them had to be written."""

    files: list[Path]
    written: int


def report(data_dir: Path, sql: Path, *, with_page: bool = True) -> ReportSummary:
    """Write `reports/<name>.csv` for each spend table of the warehouse and for each SELECT in the folder `sql/reports`,
    and `reports/report.html`, the page to look at.

    `sql` is the folder of the models. A file with the same content is left alone. Raises ChecksFailedError, and leaves
    all files as they are, when a check of severity fail stands against the figures.
    """
    warehouse = Warehouse(warehouse_path(data_dir))
    failed = warehouse.table(
        "select name from ops.checks where severity = 'fail' and not is_passed order by name"
    )["name"].to_pylist()
    if failed:
        raise ChecksFailedError(
            f"Checks failed: {', '.join(failed)}. The reports stay as they were; see `recspend check`."
        )
    marts = warehouse.table(
        "select table_name from information_schema.tables where table_schema = 'marts' order by table_name"
    )["table_name"].to_pylist()
    selects = {mart: f'select * from marts."{mart}"' for mart in marts if mart != _DETAIL}  # noqa: S608
    selects |= {path.stem: path.read_text("utf-8") for path in sorted((sql / "reports").glob("*.sql"))}
    files, written = [], 0
    for name, select in selects.items():
        path = data_dir / "reports" / f"{name}.csv"
        written += write_if_changed(path, to_csv(_rows(warehouse, select)).encode())
        files.append(path)
    if with_page:
        page = data_dir / "reports" / "report.html"
        written += write_page(
            page, {name: _rows(warehouse, select) for name, select in _page_selects(sql).items()}
        )
        files.append(page)
    return ReportSummary(files, written)


def _rows(warehouse: Warehouse, select: str) -> pa.Table:
    """The rows of a SELECT, in an order that is the same each time."""
    return warehouse.table(f"select * from ({select}) order by all")  # noqa: S608


def _page_selects(sql: Path) -> dict[str, str]:
    """What the page is made of: the SELECTs in `sql/page`, and the holes."""
    paths = [*sorted((sql / "page").glob("*.sql")), sql / "reports" / "holes.sql"]
    return {path.stem: path.read_text("utf-8") for path in paths}
