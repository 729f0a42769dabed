"""What a SavedModel says about itself, read from its protos without TensorFlow."""
