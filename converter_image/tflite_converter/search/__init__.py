"""The search of quantization.type Auto: what is tried next, what is repaired, which of what holds is taken."""
