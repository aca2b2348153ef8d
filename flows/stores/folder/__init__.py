"""What else is kept in the data folder."""
