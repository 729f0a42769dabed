"""What the API server's answers are made of: pages, events, protobuf."""
