"""Every model of a folder through `tflite-convert run` and through the usual recipe, as one table."""
