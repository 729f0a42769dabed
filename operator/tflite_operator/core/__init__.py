"""Fields of arbitrary objects, and what identifies a conversion. No I/O; imports nothing of the operator."""
