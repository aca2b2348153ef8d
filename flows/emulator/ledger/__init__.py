"""The emulator's own recordings and their totals."""
