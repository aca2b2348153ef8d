"""Read raw pages a second time, in another way, and compare the lake with them.

Control totals find what happens to a file after it was written. Errors that are made before are found here: nothing in
`pages.py` is shared with what made the lake, which the import rules enforce.
"""
