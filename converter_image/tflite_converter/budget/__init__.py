"""Whether an artifact keeps within what the spec lets it take."""
