"""How fast recordings come from the API and from raw pages, against the usual ways, and how much memory it takes.

`python -m tests.benchmarks` from the top of the checkout; `make bench` does that. `--help` names the parts.
"""
