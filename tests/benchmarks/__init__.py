"""Benchmarks of speed and memory: from the API and from raw pages to Parquet, compared with the usual ways.

Run `make bench`, or `python -m tests.benchmarks` from the top of the checkout. `--help` lists the parts.
"""
