"""Forecast sums of daily values with damped AutoETS. Runs in the environment of statsforecast.

Reads `{"name": [[values], days], …}` from standard input and writes `{"name": [sum, low, high], …}`: the mean, the 5 %
and the 95 % quantile of the sum over the coming days of simulated paths.
"""

import json
import sys

import numpy as np
from statsforecast.models import AutoETS  # type: ignore[import-not-found]

PATHS = 500


def main() -> None:
    """Forecast everything that is asked for."""
    asked = json.load(sys.stdin)
    json.dump({name: forecast(values, days) for name, (values, days) in asked.items()}, sys.stdout)


def forecast(values: list[float], days: int) -> list[float]:
    """Return mean, 5 % and 95 % quantile of the sum of the coming days. Spend is never below 0."""
    model = AutoETS(season_length=7, damped=True)
    paths = model.simulate(h=days, n_paths=PATHS, y=np.array(values), seed=1)
    sums = np.maximum(np.asarray(paths), 0).sum(axis=1)
    return [float(each) for each in (sums.mean(), *np.quantile(sums, (0.05, 0.95)))]


if __name__ == "__main__":
    main()
