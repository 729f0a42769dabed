"""What tests, benchmarks and the demo use on a cluster, whoever made it."""
