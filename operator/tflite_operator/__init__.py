"""Makes a Job of each TFLiteConversion and writes back what came of it. Knows Kubernetes, never TensorFlow."""
