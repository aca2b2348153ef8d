"""Helpers that every part uses: measured processes, commands, the emulator and its ledgers."""
