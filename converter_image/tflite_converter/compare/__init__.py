"""Comparing an artifact with another one, or with its SavedModel."""
