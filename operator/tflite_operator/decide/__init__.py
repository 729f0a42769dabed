"""Decides what to do about a conversion, and what its status says. Pure."""
