"""Processes that run untrusted models: how they are started, watched, and understood."""
