"""Builds the Jobs of a conversion. Pure."""
