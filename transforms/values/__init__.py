"""Dates, money, windows and other plain values."""
