"""Graphs rewritten so that the converter takes them."""
