"""This machine: files, locks, processes, prerequisites, and the paths of a checkout."""
