"""How each daemon of the cluster is configured, started and asked: Kubernetes, the S3 server, the Hub."""
