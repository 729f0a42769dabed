"""What is in memory of conversions, Jobs and pods, and the informer that keeps Jobs and pods like the API server.

kopf watches the conversions (handlers.py). Jobs and pods tell some sixteen events a conversion, and what kopf does for
each event (a worker, a memory, loggers and causes) costs several times what reading it does: with kopf watching all
three kinds the operator took twice the CPU time (docs/scaling.md). So those two have an informer of our own.
"""
