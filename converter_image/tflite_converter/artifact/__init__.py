"""TensorFlow Lite files: what is in them, and the metadata that is written into them."""
