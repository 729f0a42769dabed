"""What each quantization type costs models with labels, in the metric of their users."""
