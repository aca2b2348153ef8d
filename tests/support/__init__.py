"""Shared test helpers. `TOP` is the checkout, `GOLDEN` the files that were written or checked by hand."""

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests" / "golden"
README = (TOP / "README.md").read_text(encoding="utf-8")
# Response bodies of real services. They are not in the repository; tests that need them are skipped without them.
CAPTURES = TOP.parent / "shared" / "captures"
