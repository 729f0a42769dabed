"""The process that converts a model, and measures what came out."""
