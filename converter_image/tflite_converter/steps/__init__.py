"""The steps of a conversion, and the run of all of them without a cluster."""
