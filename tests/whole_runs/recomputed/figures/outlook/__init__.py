"""What the days so far say: usual days, the trend, lasting changes, and where the month and its budget will end."""
