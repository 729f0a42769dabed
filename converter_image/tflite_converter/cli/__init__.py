"""The program `tflite-convert`: its commands, and how they look."""
