"""Converts TensorFlow SavedModels to LiteRT files, measures them and publishes them. Knows nothing of Kubernetes."""
