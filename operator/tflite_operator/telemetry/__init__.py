"""Logs, metrics and the HTTP endpoints that show them."""
