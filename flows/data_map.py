"""The map of the data folder, written from the twins: `python -m flows.data_map` writes `data/README.md` anew."""

from pathlib import Path

from flows.model import read_checks, read_models, read_twins
from transforms.models import Twin
from transforms.reference import REFERENCES

TOP = Path(__file__).parent.parent
README = TOP / "data" / "README.md"

_INTRODUCTION = """\
# The data folder

Written by `make docs` from the `.yml` twins beside the SQL; a test compares the two.

| path | what it is |
|---|---|
| `raw/account_sid=<sid>/<first>_<last>/<fetched at>/` | one walk over one window of creation days: `page-00000.json.zst` … hold the exact bytes the API sent, `manifest.json` is written last and makes the walk complete; `abandoned.json` stands for it where a walk was given up, whose recordings count and whose days do not |
| `recordings/account_sid=<sid>/created_month=<YYYY-MM>/recordings.parquet` | the lake: the current version of each recording, sorted by `created_at, recording_sid`; `_landings.json` beside the months says which walks are in them |
| `rejects/account_sid=<sid>/rejects.parquet` | records that could not be understood; they are in no figure |
| `corrections/account_sid=<sid>/corrections.parquet` | prices that changed after they had been given |
| `changes/account_sid=<sid>/changes.parquet` | what changed of recordings after their month was over |
| `statements/<YYYY-MM>/` | what was reported for a month that was closed, written once: `statement.json` with a sha256 over its content, and `statement.csv` with the same rows |
| `warehouse.duckdb` | everything below, in one DuckDB file that 1.5 and later open |
| `warehouse.json` | what the warehouse was built from, so that an unchanged one is not built again |
| `reports/<mart>.csv` | the spend tables for a spreadsheet: UTF-8, a header, plain decimals |
| `reports/holes.csv` | the days of accounts that no figure covers; only a header when there are none |
| `runs/<instant>.json` | what each run did |
{references}

`raw/` is the truth, and `statements/` is what was said: delete everything else that is generated, run `recspend normalize --rebuild`, `recspend model` and
`recspend report`, and the same tables come back. Reference files are kept by hand; the shipped ones are empty, and a file
of your own under `reference/` in the data folder takes the place of the shipped one.

In all tables: `cost` is positive when it is a charge, and null (never 0) while nothing is priced; different currencies
stand in different rows and are never added up; instants are UTC; `usage_date` is the day in `reporting_timezone`.

"""


def render() -> str:
    """The whole text of `data/README.md`."""
    sql = TOP / "sql"
    twins = {model.name: model.twin for model in read_models(sql)} | read_twins(sql)
    order = ("marts", "staging", "landed", "ops")
    names = sorted(twins, key=lambda name: (order.index(name.split(".")[0]), name))
    parts = [_table(name, twins[name]) for name in names]
    checks = [f"| `{check.name}` | {check.severity} | {check.why} |" for check in read_checks(sql)]
    heading = "## Checks\n\n| check | severity | why a found row matters |\n|---|---|---|\n"
    references = [
        f"| `reference/{each.name}.csv` | {each.words}: `{','.join(column.name for column in each.columns)}` |"
        for each in REFERENCES
    ]
    introduction = _INTRODUCTION.replace("{references}", "\n".join(references))
    return introduction + "\n".join(parts) + "\n" + heading + "\n".join(checks) + "\n"


def _table(name: str, twin: Twin) -> str:
    key = ", ".join(f"`{column}`" for column in twin.key) or "none, it has one row"
    lines = [
        f"| `{column}` | {described.type} | {described.unit or ''} | {described.words} |"
        for column, described in twin.columns.items()
    ]
    asked = f"*{twin.question}* " if twin.question else ""
    heading = f"## {name}\n\n{asked}{twin.description} Key: {key}.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n"
    return heading + "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(render(), encoding="utf-8")
