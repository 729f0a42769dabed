"""The API server: requests, errors, the lease. The only package that talks to it."""
