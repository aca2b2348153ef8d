"""The smaller files of the data folder: state, locks, run records, notifications, reports and statements."""
