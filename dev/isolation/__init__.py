"""How a cluster is kept apart from the machine: namespaces, network, control group, and clearing them away."""
