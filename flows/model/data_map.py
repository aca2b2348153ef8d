"""The map of the data folder, written from the twins: `python -m flows.model.data_map` writes `data/README.md` anew."""

from pathlib import Path

from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from transforms.model.models import Twin, read_twin
from transforms.model.reference import REFERENCES

TOP = Path(__file__).parents[2]
README = TOP / "data" / "README.md"

_INTRODUCTION = """\
# The data folder

Written by `make docs` from the `.yml` twins beside the SQL; a test compares the two.

| path | what it is |
|---|---|
| `raw/account_sid=<sid>/<first>_<last>/<fetched at>/` | one walk over one window of creation days: `page-00000.json.zst` … hold the exact bytes the API sent, `manifest.json` is written last and makes the walk complete; `abandoned.json` stands for it where a walk was given up, whose recordings count and whose days do not |
| `recordings/account_sid=<sid>/created_month=<YYYY-MM>/recordings.parquet` | the lake: the current version of each recording, sorted by `created_at, recording_sid`; `_landings.json` beside the months says which walks are in them |
| `raw_usage/account_sid=<sid>/<first>_<last>/<fetched at>/` | the same for Usage Records, what Twilio counts itself |
| `usage_records/account_sid=<sid>/usage_records.parquet` | what they said last of each day; `_landings.json` beside it says which walks are in it |
| `rejects/account_sid=<sid>/rejects.parquet` | records that could not be understood; they are in no figure |
| `corrections/account_sid=<sid>/corrections.parquet` | prices that changed after they had been given |
| `changes/account_sid=<sid>/changes.parquet` | what changed of recordings after their month was over |
| `statements/<YYYY-MM>/` | what was reported for a month that was closed, written once: `statement.json` with a sha256 over its content, and `statement.csv` with the same rows |
| `warehouse.duckdb` | everything below, in one DuckDB file that 1.5 and later open |
| `warehouse.json` | what the warehouse was built from, so that an unchanged one is not built again |
| `reports.json` | what the reports were made of, so that an unchanged set is not made again |
| `told.json` | the figures that the last run told, so that the next one can say what changed since |
| `notified.json` | what each channel of `[[notify]]` was told, so that it is told once; without it, everything recent is told again |
| `reports/<mart>.csv` | the spend tables for a spreadsheet: UTF-8, a header, plain decimals; see [The files of a set](#the-files-of-a-set) |
| `reports/recspend.xlsx`, `reports/<mart>.parquet` | the same as one workbook, or as Parquet, when `--format` asks for it |
| `reports/manifest.json` | of each report its sha256, rows, and sums of money by currency |
| `reports/report.html` | one page to look at and to mail, with charts, filters and tables; it asks no server for anything |
| `reports/holes.csv` | the days of accounts that no figure covers; only a header when there are none |
| `reports/focus.csv`, `reports/focus.parquet` | what was charged, in the columns of FOCUS 1.2; see [reports.focus](#reportsfocus) |
| `reports/vantage.csv`, `cloudzero.csv`, `datadog.json` | the same as one cost system takes it, when `--preset` asks for it |
| `extracts/<month>_<account sid>/` | the reports of a month or an account, as `recspend report --month` or `--account` wrote them last |
| `runs/<instant>.json` | what each run did, written when it begins, on its way, and when it ends |
| `metrics.prom` | how the last run and the coverage stand, for Prometheus; another place by `metrics_file` |
| `state/account_sid=<sid>.json` | what was found out of an account: its first day, and how its API compares dates |
| `format.json` | the format of the folder, and the recspend that made or upgraded it; without it, the folder is of format 1 |
{references}

`raw/` and `raw_usage/` are the truth, and `statements/` is what was said: delete everything else that is generated, run `recspend normalize --rebuild`, `recspend model` and
`recspend report`, and the same tables come back. `runs/` and `told.json` tell of runs and can only be kept; what is lost of
`state/` is asked of the API again. An upgrade touches none of these. Reference files are kept by hand; the shipped ones are empty, and a file
of your own under `reference/` in the data folder takes the place of the shipped one.

In all tables: `cost` is positive when it is a charge, and null (never 0) while nothing is priced; different currencies
stand in different rows and are never added up; instants are UTC; `usage_date` is the day in `reporting_timezone`.

## The files of a set

The files of `reports/`, and those of an extract, take their places together: a folder is written beside and exchanged. So
`manifest.json` is always that of the files beside it. It holds the newest day read (`as_of`), the time zone of the days,
and for each file `bytes`, `sha256` and, of each table in it, `rows` and `totals`: currency → column → sum, as text with
nine decimals, of every column of money. What is in the folder besides stays.

- **CSV** is UTF-8 with commas, dots and ISO dates; instants end in Z; null is empty. Read money as text or decimal, not as
  a float. An apostrophe stands before a text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`
  or a tab, and is no plain number): an account called `=1+1` reads `'=1+1`. A spreadsheet shows the apostrophe. The name
  is for people; join by `account_sid`. The other formats have every text as it is.
- **The workbook** has a sheet for each table, with real numbers and dates, and the header frozen. A spreadsheet has 15
  digits in a number and no time zones (instants are UTC); the sums in the manifest have every digit.
- **Parquet** has the types of the warehouse.

An extract holds the spend tables and `holes`; its manifest says of which `month` and `account_sid` it is. A row is of the
month of its `month`, else of its day: `adjustments` by the month that they adjust, `daily_charges` by days of UTC, `holes`
when they touch the month. Tables without accounts (`spend_by_source`, `spend_by_channels`, `spend_by_status`,
`spend_by_call_kind`) are made anew of the account's rows alone, so that an extract of an account tells nothing of another.
Tables that are as of the newest day (`retention_candidates`, `spend_trends`, `spend_weeks`, `unpriced_backlog`,
`weekday_pattern`) are in no extract of a month; `left_out` in the manifest names them and says why. `fct_recordings`,
`recordings_kept` and `storage_rate_periods` are no reports, and written only when `--mart` names them.

"""

_FOCUS = """
The columns are those that [FOCUS 1.2](https://focus.finops.org/focus-specification/v1-2/) makes mandatory, the recommended
`ChargeFrequency` and `ServiceSubcategory`, and of the conditional ones those that can be filled; `x_…` are our own. Left
out are unit prices, SKUs, regions, resources and invoices, which the Recordings API does not name, and commitments and
capacity reservations, which it does not have. FOCUS wants metadata of a data set in a file of its own; none is written.
`source` and `channels` are tags without a prefix, though the provider and not a user gives them. In the CSV an apostrophe
stands before a text that a spreadsheet would run as a formula; in the Parquet file every text is as it was.

A charge period is a day of UTC and a billing period a month of UTC, whatever `reporting_timezone` is: with another time
zone the same recording may stand in another day, and month, than in the marts. The sum of each currency is the same.

A correction is a usage charge of class `Correction`, as FOCUS wants it: its charge period is the day that it corrects, its
billing period the month that it was found in, and its amounts and quantities are by how much they changed. The row that it
corrects stays as it was when the month was closed, so the two come to what is known now. With `reporting_timezone = "UTC"`
the charges of a closed month are those of its statement, per account, source, channel count and currency, and no row that
is billed in a closed month changes any more. With another time zone the closed month is not quite the billing period: the
hours at its ends that the statement does not speak of change in place, as do months that were never closed. Adjustments of
the kind `undated` are no corrections, since another time zone changes no charge. Vantage, CloudZero and Datadog know no billing period; there a
correction counts for the day it corrects, as `Refund` or `Usage`, as `Adjustment`, and with the tag `charge_class`.

What was validated: tests hold the files to the rules above (columns, types, allowed values, periods, sums). A slow test
gives the CSV, with corrections in it, to the FinOps Foundation's focus-validator 1.0.0, which knows FOCUS 1.0 and no later version, with three
columns renamed to what it calls them. It finds nothing wrong but the absence of fourteen conditional columns, which it
wants whatever the condition; when they stand there empty, one check of `SkuPriceId` fails, which asks for a column of FOCUS
0.5 and cannot pass, and nothing else. No validator of FOCUS 1.2 was run, and no file was loaded into Vantage, CloudZero or
Datadog: those are held to what their documentation says.
"""


def render() -> str:
    """The whole text of `data/README.md`."""
    sql = TOP / "sql"
    models = read_models(sql)
    twins = {model.name: model.twin for model in models} | read_twins(sql)
    focus = sql / "reports" / "focus.yml"
    twins["reports.focus"] = read_twin(focus.read_text("utf-8"), str(focus))
    order = ("marts", "reports", "staging", "landed", "ops")
    names = sorted(twins, key=lambda name: (order.index(name.split(".")[0]), name))
    parts = [_table(name, twins[name]) + (_FOCUS if name == "reports.focus" else "") for name in names]
    checks = [f"| `{check.name}` | {check.severity} | {check.why} |" for check in read_checks(sql, models)]
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
