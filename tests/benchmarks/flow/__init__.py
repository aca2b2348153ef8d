"""What Prefect adds to a run, and how fast the command starts."""
