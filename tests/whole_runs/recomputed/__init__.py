"""Every figure again, from the raw pages and the reference files alone, in plain Python.

This package is a second opinion. It was written from what the pages and the twins say a figure means, not from the
SQL, and it imports the standard library only, except for one module that decompresses pages. `test_recomputed.py`
checks that. It lets recspend read from the emulator, and compares each cell of the warehouse with these figures.

Rows are dicts with the columns of the mart of the same name. Money and minutes are exact: `Decimal` as it was sent, and
`Fraction` where something is divided, so that rounding is judged and never repeated.
"""
