"""What came of a way: recordings and cost, counted from the Parquet it wrote. Also a process of its own."""

import json
import sys
from decimal import Decimal
from pathlib import Path

Answer = tuple[int | None, str | None]


def answer_of(out: Path) -> Answer:
    """Recordings in the Parquet files below `out`, and the sum of their prices' sizes at nine decimals, half-even.

    Two Nones when there are no such files.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    files = [path for path in out.rglob("*.parquet") if "rejects" not in path.parts]
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
