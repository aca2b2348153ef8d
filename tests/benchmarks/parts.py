"""The parts of the benchmarks. Each one measures and returns its section of the tables."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from flows.emulator.ledger.generator import LAST_DAY
from flows.settings.reading_settings import ReadingSettings
from tests.benchmarks.flow import flow_cost as through_prefect
from tests.benchmarks.flow import start_up as starting
from tests.benchmarks.hourly import idle as hourly_runs
from tests.benchmarks.hourly import year as living_account
from tests.benchmarks.hourly.living_year import Year
from tests.benchmarks.ingest import many_accounts as side_by_side
from tests.benchmarks.ingest import nothing_new as repeat
from tests.benchmarks.ingest import skewed as skewed_account
from tests.benchmarks.ingest import tables as tables
from tests.benchmarks.ingest.conditions import Conditions, Rounds
from tests.benchmarks.ingest.races import with_latency, without_latency
from tests.benchmarks.marts import marts as mart_tables
from tests.benchmarks.marts import stage as model_stage
from tests.benchmarks.marts.generated import TWO_RATES
from tests.benchmarks.measure.environment import Environment, install
from tests.benchmarks.measure.ledgers import ledgers_folder, month_ledger, open_rendered, right_answer
from tests.benchmarks.measure.progress import Say
from tests.benchmarks.outlook import outlook as month_outlook
from tests.benchmarks.pages.landed import cache_folder, landed
from tests.benchmarks.pages.memory import peaks
from tests.benchmarks.pages.speed import race
from tests.benchmarks.pages.table import Setting, memory_section, pages_section

ACCOUNTS_AT_ONCE = int(ReadingSettings.model_fields["accounts_at_once"].default)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: numbers of recordings, and rounds.

    Args:
        memory: the small and the large ledger.
        ingest: recordings without latency, of which dlt reads `dlt_recordings`.
        month: recordings with latency.
        skewed: recordings of the skewed account.
        side_by_side: number of accounts, recordings of each, milliseconds per request.
        hourly: settled recordings, and runs with nothing new.
        year: how long an account lives, and its recordings; every how many days its tables are built.
        stored: recordings of a run with nothing new.
        marts: recordings in the small and the large fact table.
        accounts: numbers of accounts, each with `account_recordings` over three years.
        stages: numbers of recordings and accounts of a year: of many accounts, and two of a few accounts.
        flow: recordings with and without Prefect.
    """

    pages: int = 200_000
    rounds: int = 5
    memory: tuple[int, int] = (100_000, 1_000_000)
    ingest: int = 1_000_000
    dlt_recordings: int = 100_000
    month: int = 200_000
    latency_ms: int = 200
    stored: int = 1_000_000
    marts: tuple[int, int] = (100_000, 10_000_000)
    accounts: tuple[int, ...] = (100, 300, 1_000)
    account_recordings: int = 10_000
    stages: tuple[tuple[int, int], ...] = ((960_000, 1_000), (1_000_000, 10), (10_000_000, 10))
    ingest_rounds: Rounds = field(default_factory=Rounds)
    flow: int = 200_000
    flow_rounds: int = 5
    start_up_rounds: int = 11
    outlook_seeds: int = 50
    skewed: int = 100_000
    skewed_latency_ms: int = 500
    side_by_side: tuple[int, int, int] = (1_000, 100, 100)
    hourly: tuple[int, int] = (20_000, 1_000)
    year: tuple[Year, int] = (Year(), 28)


FULL = Sizes()
QUICK = Sizes(
    20_000,
    2,
    (5_000, 20_000),
    20_000,
    5_000,
    20_000,
    200,
    20_000,
    (5_000, 20_000),
    (10, 30, 100),
    200,
    ((20_000, 20), (5_000, 5), (20_000, 5)),
    Rounds(1, 1, 1),
    20_000,
    1,
    3,
    5,
    20_000,
    200,
    (50, 100, 100),
    (2_000, 30),
    (Year(15), 7),
)


@dataclass(frozen=True)
class Bench:
    """Where and how much is measured. The contents of `work_dir` are deleted, `build` is kept."""

    build: Path
    work_dir: Path
    sizes: Sizes
    concurrency: int
    say: Say

    @cached_property
    def ledgers(self) -> Path:
        """The folder of the ledgers."""
        return ledgers_folder(self.build, repeat.today())

    @cached_property
    def dlt(self) -> Environment | str:
        """dlt's environment, or the reason why there is none."""
        if not self.sizes.ingest_rounds.dlt:
            return "it has no rounds"
        return install("dlt", Path(tables.__file__).with_name("dlt.txt"), self.build, self.say)

    @property
    def conditions(self) -> Conditions:
        """The conditions of the ingest races."""
        return Conditions(
            self.ledgers, self.work_dir, self.sizes.ingest_rounds, self.concurrency, self.dlt, self.say
        )


def pages(bench: Bench) -> str:
    """from raw pages to Parquet"""
    count = bench.sizes.pages
    bench.say(f"landing {count:,} recordings, unless cached")
    source = open_rendered(
        month_ledger(count, bench.ledgers)
    )  # all in September, which has a form of its own
    folder = landed(source, count, cache_folder(bench.build))
    work_dir = bench.work_dir / "pages"
    work_dir.mkdir()
    races = race(folder, work_dir, bench.sizes.rounds, right_answer(source), bench.say)
    return pages_section(Setting(count, json_bytes(folder), bench.sizes.rounds), races)


def memory(bench: Bench) -> str:
    """peak memory of our stages"""
    small, large = (peaks(count, bench.ledgers, bench.work_dir, bench.say) for count in bench.sizes.memory)
    return memory_section(small, large)


def ingest(bench: Bench) -> str:
    """from the API to Parquet without latency, compared with a script and dlt"""
    sizes = bench.sizes
    return tables.without_latency_section(
        without_latency(sizes.ingest, sizes.dlt_recordings, bench.conditions)
    )


def latency(bench: Bench) -> str:
    """from the API to Parquet with latency, and as a share of the ideal"""
    sizes = bench.sizes
    return tables.with_latency_section(with_latency(sizes.month, sizes.latency_ms, bench.conditions))


def skewed(bench: Bench) -> str:
    """an account with a tenth of its recordings on one day, as a share of the ideal"""
    sizes = bench.sizes
    return skewed_account.section(
        skewed_account.skewed(
            sizes.skewed,
            sizes.skewed_latency_ms,
            sizes.ingest_rounds.ours,
            bench.concurrency,
            bench.ledgers,
            bench.work_dir,
            bench.say,
        )
    )


def accounts(bench: Bench) -> str:
    """many accounts side by side, compared with a bare client"""
    number, each, latency_ms = bench.sizes.side_by_side
    measured = side_by_side.many_accounts(
        number, each, latency_ms, ACCOUNTS_AT_ONCE, bench.ledgers, bench.work_dir, bench.say
    )
    return side_by_side.section(measured, number, each, latency_ms, ACCOUNTS_AT_ONCE)


def hourly(bench: Bench) -> str:
    """runs every hour with nothing new: what each costs, and what they leave"""
    return hourly_runs.section(
        hourly_runs.idle(*bench.sizes.hourly, bench.ledgers, bench.work_dir, bench.say)
    )


def year(bench: Bench) -> str:
    """a year of hourly runs of an account that changes: right tables, requests, what is kept"""
    return living_account.section(living_account.year_of_runs(*bench.sizes.year, bench.work_dir, bench.say))


def nothing_new(bench: Bench) -> str:
    """a run with nothing new over many recordings"""
    measured = [
        repeat.nothing_new(
            bench.sizes.stored,
            last_day,
            bench.sizes.ingest_rounds.ours,
            bench.concurrency,
            bench.ledgers,
            bench.work_dir,
            bench.say,
        )
        for last_day in (LAST_DAY, repeat.today())
    ]
    return tables.nothing_new_section(measured)


def marts(bench: Bench) -> str:
    """building all marts, compared with one aggregation, and for many accounts"""
    sizes = bench.sizes
    many = [
        mart_tables.build(
            accounts * sizes.account_recordings, bench.work_dir, bench.say, accounts=accounts, rates=rates
        )
        for rates in TWO_RATES
        for accounts in sizes.accounts
    ]
    large = [mart_tables.build(count, bench.work_dir, bench.say, with_reports=True) for count in sizes.marts]
    return "\n".join([mart_tables.section(large), mart_tables.accounts_section(many)])


def stage(bench: Bench) -> str:
    """the model stage: first, with nothing new, and with new recordings"""
    return model_stage.section(
        *(model_stage.stage(*each, bench.work_dir, bench.say) for each in bench.sizes.stages)
    )


def outlook(bench: Bench) -> str:
    """how close the forecast of a month comes, compared with AutoETS"""
    ets = install("statsforecast", month_outlook.REQUIREMENTS, bench.build, bench.say)
    seeds = bench.sizes.outlook_seeds
    return month_outlook.section(month_outlook.outlooks(seeds, ets, bench.say), seeds, ets)


def prefect(bench: Bench) -> str:
    """what Prefect adds to a run"""
    sizes = bench.sizes
    return through_prefect.section(
        through_prefect.flow_cost(
            sizes.flow, sizes.flow_rounds, bench.concurrency, bench.ledgers, bench.work_dir, bench.say
        )
    )


def start_up(bench: Bench) -> str:
    """how long the command takes to start, compared with importing Prefect"""
    return starting.section(starting.start_ups(bench.sizes.start_up_rounds, bench.say))


PARTS: Mapping[str, Callable[[Bench], str]] = {
    "pages": pages,
    "memory": memory,
    "ingest": ingest,
    "latency": latency,
    "skewed": skewed,
    "accounts": accounts,
    "nothing-new": nothing_new,
    "hourly": hourly,
    "year": year,
    "marts": marts,
    "model-stage": stage,
    "outlook": outlook,
    "prefect": prefect,
    "start-up": start_up,
}


def json_bytes(folder: Path) -> int:
    """Return the uncompressed size of all landed pages in bytes, from the journals."""
    lines = (line for path in folder.glob("raw/*/journal/*.jsonl") for line in path.read_bytes().splitlines())
    return sum(size for line in lines for _, size, _ in json.loads(line)["pages"])
