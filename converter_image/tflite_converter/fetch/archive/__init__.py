"""Unpacking untrusted archives within limits."""
