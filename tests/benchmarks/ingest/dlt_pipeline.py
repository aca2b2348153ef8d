"""Load recordings with dlt's REST source into DuckDB, in dlt's own environment. Imports nothing from this project.

The only argument is JSON. `what` is "start" (only start, to measure the start), "load" (read the pages) or "count"
(print what was loaded). `filters` contains the parameters of each resource. One resource is read page by page; dlt's
threads read several resources in parallel. All of them fill the same table.
"""

import json
import sys
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]
import duckdb
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

_DATASET = "benchmark"


def main() -> None:
    """Run the task in the argument."""
    task = json.loads(sys.argv[1])
    database = Path(task["out"]) / "recordings.duckdb"
    if task["what"] == "count":
        sys.stdout.write(json.dumps(count(database)))
        return
    pipeline = dlt.pipeline(
        "recordings",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name=_DATASET,
        pipelines_dir=str(Path(task["out"]) / "pipelines"),
    )
    if task["what"] == "load":
        pipeline.run(source(task), loader_file_format="parquet", write_disposition="append")


def source(task: dict[str, Any]) -> Any:
    """Build the source as in dlt's documentation: HTTP Basic, `next_page_uri` as the link to the next page."""
    resources = [
        {
            "name": f"recordings_{number}",
            "table_name": "recordings",
            "endpoint": {
                "path": f"Accounts/{task['account_sid']}/Recordings.json",
                "params": {"PageSize": 1000, **parameters},
                "data_selector": "recordings",
                "paginator": {"type": "json_link", "next_url_path": "next_page_uri"},
            },
        }
        for number, parameters in enumerate(task["filters"])
    ]
    auth = {"type": "http_basic", "username": task["account_sid"], "password": task["token"]}
    built = rest_api_source(
        {"client": {"base_url": task["root"], "auth": auth}, "resources": resources},
        parallelized=len(resources) > 1,
    )
    return built.add_limit(task["pages"]) if task["pages"] else built


def count(database: Path) -> list[int]:
    """Return the number of rows and of distinct recordings."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"select count(*), count(distinct sid) from {_DATASET}.recordings")
        return list(found.fetchall()[0])


if __name__ == "__main__":
    main()
