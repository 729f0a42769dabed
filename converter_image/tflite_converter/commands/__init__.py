"""The commands of `tflite-convert`: what they take, what they say, and with which exit code they end."""
