"""Attestations of artifacts: made, signed, checked, and recognised in the bucket."""
