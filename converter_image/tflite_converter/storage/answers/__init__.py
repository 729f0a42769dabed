"""What an S3 server, or what stands in its place, answers; and what that means."""
