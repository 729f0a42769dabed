"""The cluster as a whole: starting and stopping it, the record of what runs, and the variables that lead to it."""
