"""Count recordings and cost in the Parquet files that a way wrote. Can also run as a separate process."""

import json
import sys
from decimal import Decimal
from pathlib import Path

Answer = tuple[int | None, str | None]


def answer_of(out: Path) -> Answer:
    """Count the recordings in the Parquet files below `out`, and add up their absolute prices.

    Prices are rounded half-even to nine decimals. Returns None twice if there are no such files.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found = [
        path for path in out.rglob("*.parquet") if "rejects" not in path.stem and "wide" not in path.parts
    ]
    files = list({path.stat().st_ino: path for path in found}.values())  # a file may have two names
    if not files:
        return None, None
    recordings, cost = 0, Decimal(0)
    for file in files:
        prices = pq.ParquetFile(file).read(columns=["price"])["price"]
        rounded = pc.round(pc.abs(prices), 9, round_mode="half_to_even")
        recordings += len(prices)
        cost += pc.sum(rounded).as_py() or 0
    return recordings, f"{cost.normalize():f}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer_of(Path(sys.argv[1]))))
