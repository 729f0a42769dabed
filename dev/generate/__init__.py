"""Writes the files that have their home elsewhere: pages of the documentation, manifests, the chart's values."""
