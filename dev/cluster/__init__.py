"""The cluster as a whole: making it, what is known of the one that runs, and the way to it."""
