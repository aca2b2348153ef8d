"""The emulator's recordings and their totals."""
