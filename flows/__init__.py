"""Everything with an outside: the stages, their stores, the command and the built-in emulator."""

import os

# Said before any library is loaded: nobody is told that recspend runs, and Arrow gives memory back to the system,
# which costs no time here and a quarter less memory at the peak.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
