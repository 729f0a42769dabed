"""What the rest asks of this machine: files, locks, processes, and where the things of a checkout are."""
