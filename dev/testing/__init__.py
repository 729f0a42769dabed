"""What tests, benchmarks and the demo use on any cluster."""
