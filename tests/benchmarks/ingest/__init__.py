"""From the API to Parquet, compared with a plain script and dlt, and a run with nothing new."""
