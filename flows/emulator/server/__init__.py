"""The emulator's server."""
