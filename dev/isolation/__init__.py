"""Keeps a cluster apart from the machine: namespaces, network, control group, and removing them."""
