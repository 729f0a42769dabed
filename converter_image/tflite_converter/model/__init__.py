"""SavedModels: what their protos say, and running them in TensorFlow."""
