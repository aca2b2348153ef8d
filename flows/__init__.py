"""Everything with an outside: the stages, their stores, the command and the built-in emulator."""
