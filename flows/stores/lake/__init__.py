"""The lake: Parquet files of normalized records."""
