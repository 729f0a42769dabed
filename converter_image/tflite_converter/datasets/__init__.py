"""Samples to run models on: read from the user's files, or generated."""
