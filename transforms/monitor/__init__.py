"""Findings worth a notification, and their wording."""
