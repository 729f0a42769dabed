"""What a graph does with its inputs, and so which values suit them."""
