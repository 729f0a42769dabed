"""Bringing models and datasets onto the disk, from wherever they are, within limits."""
