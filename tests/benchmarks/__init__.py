"""How fast pages become Parquet, against the usual way and against the floor, and how much memory it takes.

`python -m tests.benchmarks` from the top of the checkout; `make bench` does that.
"""
