"""The model with the shapes that were asked for: run once, saved for the converter, and kept for other trials."""
