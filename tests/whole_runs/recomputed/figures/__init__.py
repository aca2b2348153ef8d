"""The figures by room, in the words of the marts' pages. `tables.py` next to it says which table each function is."""
