"""dlt's own REST source into DuckDB, as a process in dlt's own environment: nothing of this project is imported.

Its only argument is JSON. `what` is "start" (only start, so that the start can be measured), "load" (read the pages) or
"count" (say what was loaded). `filters` holds the parameters of each resource: one resource walks page after page,
several are read side by side by dlt's own threads. All of them fill the same table.
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
    """Do what the argument says."""
    asked = json.loads(sys.argv[1])
    database = Path(asked["out"]) / "recordings.duckdb"
    if asked["what"] == "count":
        sys.stdout.write(json.dumps(count(database)))
        return
    pipeline = dlt.pipeline(
        "recordings",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name=_DATASET,
        pipelines_dir=str(Path(asked["out"]) / "pipelines"),
    )
    if asked["what"] == "load":
        pipeline.run(source(asked), loader_file_format="parquet", write_disposition="append")


def source(asked: dict[str, Any]) -> Any:
    """The list of recordings as dlt's documentation says: HTTP Basic, `next_page_uri` as the link to the next page."""
    resources = [
        {
            "name": f"recordings_{number}",
            "table_name": "recordings",
            "endpoint": {
                "path": f"Accounts/{asked['account_sid']}/Recordings.json",
                "params": {"PageSize": 1000, **parameters},
                "data_selector": "recordings",
                "paginator": {"type": "json_link", "next_url_path": "next_page_uri"},
            },
        }
        for number, parameters in enumerate(asked["filters"])
    ]
    auth = {"type": "http_basic", "username": asked["account_sid"], "password": asked["token"]}
    made = rest_api_source(
        {"client": {"base_url": asked["root"], "auth": auth}, "resources": resources},
        parallelized=len(resources) > 1,
    )
    return made.add_limit(asked["pages"]) if asked["pages"] else made


def count(database: Path) -> list[int]:
    """Rows, and different recordings among them."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"select count(*), count(distinct sid) from {_DATASET}.recordings")
        return list(found.fetchall()[0])


if __name__ == "__main__":
    main()
