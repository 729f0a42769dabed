"""What is in a model and what of it would convert, without running it."""
