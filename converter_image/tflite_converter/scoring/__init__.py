"""Metrics on labelled samples: of the model, and of the artifact beside it."""
