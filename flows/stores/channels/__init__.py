"""Senders of notifications: webhook, e-mail, apprise, command."""
