"""What several tests share. `TOP` is the checkout, `GOLDEN` the files that were written or checked by hand."""

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests" / "golden"
README = (TOP / "README.md").read_text(encoding="utf-8")
# Bodies that real services sent; they are no part of the repository, and tests that want them run where they are.
CAPTURES = TOP.parent / "shared" / "captures"
