"""How close the outlook is to the month, compared with another forecasting method."""
