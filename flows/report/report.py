"""Report: the marts as CSV files for finance, the page to look at, and the exports for cost systems."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from flows.report.basis import MANIFEST, basis, is_in_place, remember
from flows.report.exports import ABOUT_FOCUS, FOCUS, LeftOutCosts, exports
from flows.report.files import Contents, rendered
from flows.report.formats import WORKBOOK, FileFormat
from flows.report.page import page
from flows.report.presets import PRESETS, Preset
from flows.stores.folder.report_folder import ReportFolder
from flows.stores.warehouse.sql_files import query, read_report_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ChecksFailedError
from transforms.report.manifest import manifest
from transforms.values.json_text import plain_object

_PAGE = "report.html"


@dataclass(slots=True)
class ReportSummary:
    """The report files, how many of them are other than before, and what the exports do not hold."""

    files: list[Path] = field(default_factory=list)
    written: int = 0
    left_out: LeftOutCosts = field(default_factory=LeftOutCosts)


def report(
    data_dir: Path,
    sql: Path,
    presets: Collection[Preset] = (),
    formats: Collection[FileFormat] = (),
    *,
    with_page: bool = True,
) -> ReportSummary:
    """Write `reports/<name>.csv` for each spend table of the warehouse and for each SELECT in the folder `sql/reports`,
    `report.html`, and `manifest.json`, which has the digest, the rows and the control totals of each.

    `sql` is the folder of the models. The tables are written in the other formats asked for too, FOCUS as Parquet, and
    a file for each of the presets; what was written before is kept up, so that it never stands beside newer figures.
    The files take their places together; a set with the same content is left alone, and one that would be made of the
    same is not made. Raises ChecksFailedError, and leaves all files as they are, when a check of severity fail stands
    against the figures.
    """
    warehouse, folder = Warehouse(warehouse_path(data_dir)), ReportFolder(data_dir / "reports")
    with warehouse.connected():
        return _report(warehouse, folder, sql, presets, formats, with_page=with_page)


def _report(
    warehouse: Warehouse,
    folder: ReportFolder,
    sql: Path,
    presets: Collection[Preset],
    formats: Collection[FileFormat],
    *,
    with_page: bool,
) -> ReportSummary:
    summary = ReportSummary()
    refuse_failed(warehouse)
    of_tables = selects(warehouse, sql)
    presets = {
        *presets,
        *(preset for preset, limits in PRESETS.items() if folder.read(limits.file) is not None),
    }
    formats = list(dict.fromkeys((FileFormat.CSV, *formats, *_formats_in(folder, of_tables))))
    before = json.loads(folder.read(MANIFEST) or '{"files": []}')
    made_of = basis(warehouse, sql, [*presets, *formats, str(with_page)])
    if is_in_place(folder, made_of):
        summary.files = [folder.folder / name for name in (*_names(before), MANIFEST)]
        summary.left_out = msgspec.convert(before["left_out"], LeftOutCosts)
        return summary
    tables = warehouse.tables(in_order(of_tables))
    files: dict[str, bytes] = {}
    contents: Contents = {}
    for each in formats:
        more_files, more_contents = rendered(tables, each)
        files |= more_files
        contents |= more_contents
    for name, content, rows in exports(warehouse, sql, presets, summary.left_out):
        files[name], contents[name] = content, {Path(name).stem: rows}
    if with_page:
        shown = {
            path.stem: path.read_text("utf-8") for path in sorted((sql / "queries" / "page").rglob("*.sql"))
        }
        on_page = warehouse.tables(in_order(shown))
        files[_PAGE] = page({**on_page, "holes": tables["holes"]}, folder.read(_PAGE))
    about = about_warehouse(warehouse) | {"focus": ABOUT_FOCUS, "left_out": plain_object(summary.left_out)}
    files[MANIFEST] = manifest(files, contents, about)
    summary.written = folder.replace(files, _names(before))
    remember(folder, made_of, files[MANIFEST])
    summary.files = [folder.folder / name for name in files]
    return summary


def _names(said: Mapping[str, Any]) -> list[str]:
    return [each["file"] for each in said["files"]]


def _formats_in(folder: ReportFolder, tables: Collection[str]) -> Iterator[FileFormat]:
    """Yield the formats that somebody asked for once and did not delete since."""
    if folder.read(WORKBOOK) is not None:
        yield FileFormat.XLSX
    if any(folder.read(f"{name}.parquet") is not None for name in tables):
        yield FileFormat.PARQUET


def refuse_failed(warehouse: Warehouse) -> None:
    """Raise ChecksFailedError when a check of severity fail stands against the figures."""
    failed = warehouse.table(query("report/stopping_checks"))["name"].to_pylist()
    if failed:
        raise ChecksFailedError(
            f"Checks failed: {', '.join(failed)}. The reports stay as they were; see `recspend check`."
        )


def selects(warehouse: Warehouse, sql: Path, *, with_all: bool = False) -> dict[str, str]:
    """Return name → SELECT of every report: the marts this version knows, and those of the folder `sql/reports`.

    with_all: also of the marts that are not reports, which have a row per recording or are what others are made of.
    """
    twins = read_report_twins(sql)
    marts = warehouse.table(query("report/marts"))["table_name"].to_pylist()
    known = [mart for mart in marts if mart in twins and (with_all or twins[mart].is_report)]
    found = {mart: f'select * from marts."{mart}"' for mart in known}  # noqa: S608
    others = {path.stem: path.read_text("utf-8") for path in sorted((sql / "reports").glob("*.sql"))}
    return found | {name: select for name, select in others.items() if name != FOCUS}


def in_order(selects: Mapping[str, str]) -> dict[str, str]:
    """Return the same rows in an order that is the same each time."""
    return {name: f"select * from ({select}) order by all" for name, select in selects.items()}  # noqa: S608


def about_warehouse(warehouse: Warehouse) -> dict[str, str | None]:
    """Return what a set of reports was made of: the newest day that was read (UTC), and the time zone of its days."""
    (settings,) = warehouse.table(query("report/as_of")).to_pylist()
    return dict(settings)
