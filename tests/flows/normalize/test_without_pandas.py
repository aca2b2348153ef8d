"""Arrow is used without pandas, which is loaded as soon as it is needed after all."""

import subprocess
import sys

import pytest

from tests.support import TOP

BEGUN = """
import sys
import pyarrow as pa
from flows.normalize.without_pandas import begin_arrow
begin_arrow()
assert "WithoutPandas" not in str(sys.meta_path)
assert pa.array([1, None]).null_count == 1
assert "pandas" not in sys.modules
"""
CONVERTED = """
assert pa.table({"a": [1, 2]}).to_pandas()["a"].tolist() == [1, 2]
import pandas
assert pa.array(pandas.Series([1.5, float("nan")])).null_count == 1
"""
LOADED_BY_ANOTHER_THREAD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from flows.normalize.without_pandas import _no_pandas
with _no_pandas(), ThreadPoolExecutor(1) as threads:
    threads.submit(__import__, "pandas").result()
assert "pandas" in sys.modules
"""


@pytest.mark.parametrize("code", [BEGUN, BEGUN + CONVERTED, LOADED_BY_ANOTHER_THREAD])
def test_arrow_begins_without_pandas(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
