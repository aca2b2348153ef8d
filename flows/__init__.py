"""Everything that touches the world: the command, the stages, their stores and the built-in emulator."""

import os

# Set before any library is loaded: telemetry is off, and Arrow returns memory to the system. That costs no time here,
# and the peak is a quarter lower.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
