"""The throw-away Kubernetes, S3 server and Hub server that `make demo` and the tests run on.

`python -m dev up` on a Debian or Ubuntu machine that reaches package registries only. Nothing here is
part of the product.
"""
