"""Turn raw pages into the lake."""
