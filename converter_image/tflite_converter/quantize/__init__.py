"""Quantization types: what they ask of the converter, what they are calibrated on, and whether they took effect."""
