"""From raw pages to Parquet: speed compared with other ways, and the peak memory of the stages."""
