"""Objects in S3 buckets, and the metadata that conversions keep on them."""
