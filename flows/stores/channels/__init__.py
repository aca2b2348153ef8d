"""The ways a notification leaves."""
