"""Measuring how far an artifact is from its model."""
